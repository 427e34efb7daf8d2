"""`/cashflow/predict` and its companions through the door, on both databases."""

import io
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from officium.kit.database import Database
from officium.testing import Script, ScriptedTransport
from tests.support.clock import utc_today
from tests.support.house import House, Resident, open_house

NOTE = {"text": "They want the invoice on Thursday."}


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    url = database._url.render_as_string(hide_password=False)
    async with open_house(tmp_path, url) as house:
        yield house


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def _create(tenant: Resident, **said) -> int:
    deal = {"title": "Project Alpha", "stage": "Order Received", "value": "1000", **said}
    reply = await tenant.ask("POST", "/cashflow/deals", deal)
    assert reply.status == 201, reply.json
    return reply.json["id"]


async def _predict(tenant: Resident, **said) -> dict:
    reply = await tenant.ask("POST", "/cashflow/predict", {"use_llm": False, **said})
    assert reply.status == 200, reply.json
    return reply.json


def _in(days: int) -> str:
    return (utc_today() + timedelta(days=days)).isoformat()


async def test_without_history_the_documented_constants_come_out(tenant: Resident):
    await _create(tenant, pipeline="Aramco Projects", created_on=_in(-4))
    await _create(tenant, pipeline="Other")

    result = await _predict(
        tenant, pipeline_name="Aramco Projects", horizon_days=90, granularity="week", use_llm=False
    )

    (deal,) = result["per_deal_predictions"]
    assert deal["deal_title"] == "Project Alpha"
    assert (deal["predicted_invoice_date"], deal["predicted_payment_date"]) == (_in(10), _in(47))
    assert (deal["confidence"], deal["method"]) == (0.5, "rule")
    assert result["metadata"]["deals_analyzed"] == 1
    assert result["metadata"]["avg_confidence"] == 0.5
    bucket = next(each for each in result["aggregated_forecast"] if each["deal_count"])
    assert bucket["expected_invoice_value_sar"] == bucket["expected_invoice_value"] == "1000"


async def test_forecast_without_history_has_its_middle_at_the_constants(tenant: Resident):
    await _create(tenant, created_on=_in(-4))

    made = (await tenant.ask("POST", "/cashflow/forecast", {"runs": 2000})).json
    why = (await tenant.ask("GET", "/cashflow/deals/1/why")).json

    assert made["has_history"] is False
    assert why["prediction"]["predicted_invoice_date"] == _in(10)
    expected = [Decimal(line["expected_value"]) for line in made["invoices"]["periods"]]
    middle = date.fromisoformat(_in(10))
    at = next(
        number
        for number, line in enumerate(made["invoices"]["periods"])
        if date.fromisoformat(line["start_date"]) <= middle <= date.fromisoformat(line["end_date"])
    )
    assert sum(expected[: at + 1]) >= 500
    assert sum(expected[:at]) <= 500


async def test_model_that_invents_deals_changes_nothing(tenant: Resident):
    await _create(tenant)

    result = (await tenant.ask("POST", "/cashflow/predict", {"model": "mock"})).json

    (deal,) = result["per_deal_predictions"]
    assert (deal["predicted_invoice_date"], deal["method"]) == (_in(10), "rule")
    assert result["warnings"]


async def test_failing_model_is_said_and_the_rules_answer(tenant: Resident):
    await _create(tenant)

    result = (await tenant.ask("POST", "/cashflow/predict", {"model": "mock/error-500"})).json

    assert result["per_deal_predictions"][0]["method"] == "rule"
    assert any("did not answer" in warning for warning in result["warnings"])


async def test_model_reads_the_deals_and_the_call_is_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    signal = {
        "kind": "promised_date",
        "quote": "invoice on Thursday",
        "concerns": "invoice",
        "on": _in(5),
    }
    reading = {
        "deal_id": 1,
        "predicted_invoice_date": _in(5),
        "predicted_payment_date": _in(40),
        "confidence": 0.8,
        "reasoning": "The customer said so.",
        "signals": [signal],
    }
    said = json.dumps({"predictions": [reading]})
    transport = ScriptedTransport(Script([said]))
    monkeypatch.setattr("officium.main.build_transport", lambda settings: transport)
    async with open_house(tmp_path) as house:
        tenant = await house.resident("Acme")
        id = await _create(tenant)
        await tenant.ask(
            "POST", f"/cashflow/deals/{id}/notes", {"text": "They want the invoice on Thursday."}
        )

        result = (await tenant.ask("POST", "/cashflow/predict", {"model": "mock"})).json
        await house.parts.usage_log.flush()
        calls = (await tenant.ask("GET", "/api/usage/calls")).json["records"]

    (deal,) = result["per_deal_predictions"]
    assert (deal["method"], deal["predicted_invoice_date"]) == ("llm", _in(5))
    assert deal["signals"][0]["quote"] == "invoice on Thursday"
    assert deal["signals"][0]["shift_days"] == 0
    assert result["metadata"]["prompt_version"] == "cashflow.predict_dates.v1 shipped/1"
    assert (calls[0]["app"], calls[0]["prompt"]) == ("cashflow", "cashflow.predict_dates.v1")
    assert NOTE["text"] in transport.requests[-1].messages[-1]["content"]


async def test_runs_are_kept_listed_and_explained(tenant: Resident):
    await _create(tenant, stage="Awaiting GR")
    first = await _predict(tenant)
    await _predict(tenant, horizon_days=30)

    listed = (await tenant.ask("GET", "/cashflow/runs?kind=prediction&limit=1")).json
    rest = (await tenant.ask("GET", f"/cashflow/runs?before={listed['next_before']}")).json
    kept = (await tenant.ask("GET", f"/cashflow/runs/{first['metadata']['run_id']}")).json
    latest = (await tenant.ask("GET", "/cashflow/explain")).json
    named = (await tenant.ask("GET", "/cashflow/explain?run_id=1")).json

    assert [run["id"] for run in (*listed["runs"], *rest["runs"])] == [2, 1]
    assert kept["result"]["per_deal_predictions"] == first["per_deal_predictions"]
    assert (latest["run_id"], named["run_id"]) == (2, 1)
    assert named["rules"][0]["rule"] == "stage_average"
    assert named["deals"][0]["reasoning"]
    missing = await tenant.ask("GET", "/cashflow/explain?run_id=99")
    assert missing.json["error"]["code"] == "cashflow_run_not_found"


async def test_run_is_scored_when_reality_arrives_and_stays_as_it_was(tenant: Resident):
    id = await _create(tenant, created_on=_in(-30), stage="Invoiced", stage_changed_on=_in(-20))
    made = await _predict(tenant)
    before = (await tenant.ask("GET", "/cashflow/runs/1/score")).json
    await tenant.ask("PUT", f"/cashflow/deals/{id}", {"stage": "Paid", "stage_changed_on": _in(0)})

    after = (await tenant.ask("GET", "/cashflow/runs/1/score")).json

    assert made["per_deal_predictions"][0]["predicted_payment_date"] == _in(17)
    assert (before["payments"]["count"], after["payments"]["count"]) == (0, 1)
    assert after["payments"]["mae_days"] == 17
    kept = (await tenant.ask("GET", "/cashflow/runs/1")).json
    assert kept["result"]["per_deal_predictions"] == made["per_deal_predictions"]


async def test_cash_of_a_forecast_is_scored_when_it_has_come(house: House, tenant: Resident):
    begun = {"created_on": _in(-80), "pipeline": "Projects"}
    ids = [
        await _create(tenant, **begun, stage="Invoiced", stage_changed_on=_in(-70), value=value)
        for value in ("1000", "500")
    ]
    await _create(tenant, created_on=_in(-5), pipeline="Projects", stage="Paid", stage_changed_on=_in(-4))
    asked = {"today": _in(-42), "horizon_days": 84, "pipeline_name": "Projects", "runs": 200}
    await tenant.ask("POST", "/cashflow/forecast", asked)
    await tenant.ask(
        "POST", "/cashflow/scenarios", {**asked, "changes": [{"kind": "lose_deal", "deal_id": ids[0]}]}
    )
    before = (await tenant.ask("GET", "/cashflow/runs/1/score")).json
    await tenant.ask("PUT", f"/cashflow/deals/{ids[0]}", {"stage": "Paid", "stage_changed_on": _in(-20)})
    stranger = await house.resident("Beta")

    after = (await tenant.ask("GET", "/cashflow/runs/1/score")).json
    of_base = (await tenant.ask("GET", "/cashflow/runs/2/score")).json
    other = await stranger.ask("GET", "/cashflow/runs/1/score")

    (early,), (late,) = before["cash"], after["cash"]
    assert (after["kind"], late["basis"], after["deals"], after["still_open"]) == (
        "forecast",
        "payment",
        2,
        1,
    )
    assert (Decimal(early["actual"]), early["wape"]) == (0, None)
    assert Decimal(late["actual"]) == 1000
    assert early["expected"] == late["expected"]
    assert late["periods"] in (5, 6)
    assert late["wape"] > 0.2
    assert 0 <= late["coverage"] <= 1
    assert (of_base["kind"], of_base["cash"]) == ("scenario", after["cash"])
    assert other.json["error"]["code"] == "cashflow_run_not_found"


async def test_sample_is_forecast_backtested_and_compared(tenant: Resident):
    await tenant.ask("POST", "/cashflow/sample", {})
    floor = {"currency": "SAR", "limit": "0", "opening": "100000", "outgoing": ["0", "0", "400000"]}

    made = (await tenant.ask("POST", "/cashflow/forecast", {"runs": 500, "floor": floor})).json
    again = (await tenant.ask("POST", "/cashflow/forecast", {"runs": 500, "floor": floor})).json
    tested = (await tenant.ask("POST", "/cashflow/backtests", {})).json
    late = {"kind": "delay_customer", "customer": "Northgate Energy", "days": 60}
    compared = (
        await tenant.ask("POST", "/cashflow/scenarios", {"runs": 500, "floor": floor, "changes": [late]})
    ).json
    predicted = await _predict(tenant)

    assert made["has_history"] is True
    for table in (made["payments"], made["invoices"]):
        assert {line["currency"] for line in table["periods"]} == {"SAR", "USD"}
        for line in table["periods"]:
            assert Decimal(line["p10"]) <= Decimal(line["p50"]) <= Decimal(line["p90"])
    assert 0 < made["floor"]["probability_below"] <= 1
    assert 1 <= len(made["levers"]) <= 3
    assert {**again, "run_id": 0} == {**made, "run_id": 0}
    assert tested["model"]["mae_days"] < tested["baselines"][0]["mae_days"]
    assert [score["name"] for score in tested["baselines"]] == ["constants", "averages", "customer_averages"]
    assert tested["weeks"]
    lowest = [Decimal(compared[side]["floor"]["lowest_p50"]) for side in ("base", "scenario")]
    assert lowest[1] <= lowest[0]
    assert sum(Decimal(each["difference"]) for each in compared["differences"]) < 0
    assert compared["unknown"] == []
    assert predicted["metadata"]["methods"]["statistics"] > 20


async def test_why_says_what_would_change_a_deal(tenant: Resident):
    await tenant.ask("POST", "/cashflow/sample", {})
    page = (await tenant.ask("GET", "/cashflow/deals?status=open&limit=1")).json

    why = (await tenant.ask("GET", f"/cashflow/deals/{page['deals'][0]['id']}/why")).json

    assert why["prediction"]["method"] == "statistics"
    assert "deals went through" in why["reasons"][1]
    assert any(said.startswith("If it were invoiced tomorrow") for said in why["counterfactuals"])
    assert (await tenant.ask("GET", "/cashflow/deals/999999/why")).status == 404


async def test_payments_wait_for_the_next_working_day_of_the_country(tenant: Resident):
    await tenant.ask("PUT", "/cashflow/config", {"country": "SA", "stage_days": {"Order Received": 10}})
    await tenant.ask("POST", "/cashflow/sample", {})

    predicted = await _predict(tenant, horizon_days=365)

    days = [
        date.fromisoformat(deal["predicted_payment_date"])
        for deal in predicted["per_deal_predictions"]
        if deal["method"] == "statistics"
    ]
    assert days
    assert not [day for day in days if day.weekday() in (4, 5)]


async def test_overdue_deals_are_listed_and_other_pipelines_counted(tenant: Resident):
    await _create(tenant, stage="Invoiced", created_on=_in(-90), stage_changed_on=_in(-60), pipeline="A")
    await _create(tenant, pipeline="B")

    made = (await tenant.ask("POST", "/cashflow/forecast", {"runs": 100, "pipeline_name": "A"})).json

    assert (made["deals_counted"], made["deals_filtered"]) == (1, 1)
    assert made["overdue"][0]["days_overdue"] == 23
    assert made["payments"]["totals"][0]["overdue_value"] == "1000"


@pytest.mark.parametrize("granularity", ["week", "month"])
async def test_longest_horizon_can_be_forecast(tenant: Resident, granularity: str):
    await _create(tenant, created_on="1990-01-01", payment_terms_days=3650)

    asked = {"runs": 100, "granularity": granularity, "horizon_days": 730}
    made = await tenant.ask("POST", "/cashflow/forecast", asked)

    assert made.status == 200
    assert len(made.json["payments"]["periods"]) >= 24


async def test_forecast_is_taken_away_as_a_workbook(tenant: Resident):
    await _create(tenant)

    book = await tenant.ask("POST", "/cashflow/forecast.xlsx", {"runs": 100})

    rows = list(openpyxl.load_workbook(io.BytesIO(book.body)).active.values)
    assert rows[0][:3] == ("table", "period", "start")
    assert {row[0] for row in rows[1:]} == {"payment", "invoice"}


async def test_past_day_is_predicted_with_what_was_known_then(tenant: Resident):
    await _create(
        tenant,
        stage="Paid",
        created_on=_in(-100),
        stage_changed_on=_in(-10),
        invoiced_on=_in(-60),
        stage_changes=[
            {"entered_on": _in(-100), "stage": "Order Received"},
            {"entered_on": _in(-60), "stage": "Invoiced"},
            {"entered_on": _in(-10), "stage": "Paid"},
        ],
    )

    then = await _predict(tenant, today=_in(-90))

    (deal,) = then["per_deal_predictions"]
    assert (deal["stage"], deal["predicted_invoice_date"]) == ("Order Received", _in(-80))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("predict", {"horizon_days": 0}),
        ("predict", {"granularity": "day"}),
        ("predict", {"confidence_threshold": 2}),
        ("predict", {"today": "9999-12-31"}),
        ("forecast", {"today": "0001-01-01"}),
        ("forecast", {"runs": 10**9}),
        ("forecast", {"floor": {"currency": "SAR", "limit": "NaN"}}),
        ("scenarios", {"changes": []}),
        ("scenarios", {"changes": [{"kind": "pray"}]}),
        ("backtests", {"origins": ["2999-01-01"]}),
        ("backtests", {"origins": ["2020-01-01"] * 25}),
    ],
)
async def test_what_cannot_be_forecast_is_refused(tenant: Resident, path: str, body: dict):
    assert (await tenant.ask("POST", f"/cashflow/{path}", body)).status == 400
