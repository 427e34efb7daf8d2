"""The cash-flow pages: who may see and change what, and that nothing is imported by halves."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlencode

import openpyxl
import pytest

from officium.apps.cashflow.cash_forecast import CashForecastInput
from officium.apps.cashflow.statistics import WorkingCalendar
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.web.console.figures import Figures
from tests.support.clock import utc_today
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import WITHOUT_RATE_LIMITS, House, open_house
from tests.support.web import Reply

PAGE = "/console/cashflow"
GOOD = (
    "title,stage,amount,ccy,created\n"
    "Alpha,Order Received,1000.50,SAR,2026-01-05\n"
    "Beta,Under Progress,70,USD,\n"
)
BAD = f"{GOOD}Gamma,Order Received,many,SAR,2026-01-05\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, **WITHOUT_RATE_LIMITS) as house:
        yield house


async def _visitor(
    house: House, email: str = "ada@example.com", tenant: str = "Alpha", role: Role = "admin"
) -> Visitor:
    resident = await house.resident(tenant)
    return await _member(house, resident.tenant.id, email, role)


async def _member(house: House, tenant_id: str, email: str, role: Role) -> Visitor:
    await house.parts.members.create_member(operator_of(tenant_id), email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof})


async def _upload(
    visitor: Visitor, path: str, text: str | bytes, name: str = "deals.csv", **said: str
) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    body = text.encode() if isinstance(text, str) else text
    headers = {
        "sec-fetch-site": "same-origin",
        "x-csrf-token": proof,
        "hx-request": "true",
        "content-type": "text/csv",
    }
    return await visitor.send("POST", f"{path}?{urlencode({'name': name, **said})}", body, headers)


async def _created(visitor: Visitor, **said: str) -> str:
    """Create a deal with the form; its path."""
    fields = {"title": "Project Alpha", "stage": "Order Received", "value": "125,000.50", "currency": "SAR"}
    reply = await _post(visitor, f"{PAGE}/deals", **{**fields, **said})
    assert reply.status == 303, reply.body
    return reply.headers["location"]


def _text(page: Reply) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.body.decode()))


async def test_empty_page_offers_the_sample_or_an_import_to_those_who_may(house: House) -> None:
    tenant = (await house.resident("Alpha")).tenant.id
    admin = await _member(house, tenant, "ada@example.com", "admin")
    viewer = await _member(house, tenant, "vera@example.com", "viewer")

    offered, looked = await admin.get(PAGE), await viewer.get(PAGE)

    assert b"/console/cashflow/sample" in offered.body
    assert b"/console/cashflow/import" in offered.body
    assert b"/console/cashflow/sample" not in looked.body
    assert "An administrator can change your role" in _text(looked)


async def test_sample_is_forecast_by_currency_with_ranges_and_what_is_overdue(house: House) -> None:
    visitor = await _visitor(house)
    await _post(visitor, f"{PAGE}/sample")

    page = await visitor.get(f"{PAGE}?granularity=month&horizon=180")
    charts = [
        json.loads(_unescaped(found)) for found in re.findall(r'data-chart="([^"]+)"', page.body.decode())
    ]

    assert [f"Payments in {currency}" in _text(page) for currency in ("SAR", "USD")] == [True, True]
    assert "Overdue" in _text(page)
    assert len(charts) == 2
    for chart in charts:
        low, high, middle = (chart["series"][place]["values"] for place in (0, 1, 2))
        assert len(low) == len(chart["labels"]) >= 6
        assert all(a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
        assert sum(high) > 0


async def test_looking_keeps_no_run_and_predicting_does(house: House) -> None:
    visitor = await _visitor(house)
    await _post(visitor, f"{PAGE}/sample")
    await visitor.get(PAGE)
    await visitor.get(f"{PAGE}/scenarios?change={quote('delay_customer|Northgate Energy|30')}")
    before = await visitor.get("/cashflow/runs", sec_fetch_site="same-origin")

    await _post(visitor, f"{PAGE}/predictions", horizon="90")
    after = await visitor.get("/cashflow/runs", sec_fetch_site="same-origin")
    report = await visitor.get(f"{PAGE}/assumptions")
    record = await visitor.get(f"{PAGE}/record")

    assert before.json["runs"] == []
    assert [run["kind"] for run in after.json["runs"]] == ["prediction"]
    assert re.search(r"Your own closed deals: \d+ deals", _text(report))
    assert f"/console/cashflow/assumptions?run={after.json['runs'][0]['id']}".encode() in record.body


async def test_account_says_how_probable_it_is_to_fall_under_its_limit(house: House) -> None:
    visitor = await _visitor(house)
    await _created(visitor)

    safe = await visitor.get(f"{PAGE}?opening=5,000&limit=100&floor_currency=SAR")
    doomed = await visitor.get(f"{PAGE}?opening=5,000&limit=100&outgoing=900,000&floor_currency=SAR")
    wrong = await visitor.get(f"{PAGE}?opening=lots")

    assert re.search(r'class="verdict"><strong>0%', safe.body.decode())
    assert re.search(r'class="verdict verdict-bad"><strong>100%', doomed.body.decode())
    assert wrong.status == 400
    assert "lots is no amount" in _text(wrong)
    assert b'value="lots"' in wrong.body


@pytest.mark.parametrize(
    "query", ["horizon=0", "horizon=x", "granularity=year", "currency=sar!", "certainty=2", "certainty=nan"]
)
async def test_what_cannot_be_forecast_is_said_on_the_page(house: House, query: str) -> None:
    visitor = await _visitor(house)
    await _created(visitor)

    page = await visitor.get(f"{PAGE}?{query}")

    assert page.status == 400
    assert b'id="fault"' in page.body


async def test_unsure_deals_are_counted_and_listed_and_not_lost(house: House) -> None:
    visitor = await _visitor(house)
    await _created(visitor, title="Far away")

    page = await visitor.get(f"{PAGE}?horizon=30&certainty=1")

    listed = page.body.decode().partition('id="filtered"')[2]
    assert "Far away" in listed
    assert "Not sure enough" in listed


async def test_forecast_is_taken_away_as_excel_and_csv(house: House) -> None:
    visitor = await _visitor(house)
    await _created(visitor)

    book = await visitor.get(f"{PAGE}/forecast/xlsx?granularity=month")
    plain = await visitor.get(f"{PAGE}/forecast/csv?granularity=month")
    sheet = openpyxl.load_workbook(io.BytesIO(book.body)).active

    assert sheet is not None
    assert [cell.value for cell in sheet[1]][:3] == ["table", "period", "start"]
    assert plain.body.decode().splitlines()[0] == "table,period,start,end,currency,expected,p10,p50,p90"
    assert len(plain.body.decode().splitlines()) == sheet.max_row
    assert (await visitor.get(f"{PAGE}/forecast/pdf")).status == 400


async def test_deal_is_created_seen_with_the_why_changed_noted_and_deleted(house: House) -> None:
    visitor = await _visitor(house)
    path = await _created(visitor)

    seen = _text(await visitor.get(path))
    piece = await visitor.get(path, hx_request="true")
    form = await visitor.get(f"{path}/edit")
    token = re.search(r'name="seen" value="([^"]+)"', form.body.decode())
    assert token is not None
    told = {
        "title": "Project Beta",
        "stage": "Under Progress",
        "value": "7",
        "currency": "usd",
        "seen": token[1],
    }
    changed = await _post(visitor, f"{path}/edit", **told)
    stale = await _post(visitor, f"{path}/edit", **told)
    await _post(visitor, f"{path}/notes", text="They pay on Friday.\r\nOr so.")
    after = await visitor.get(path)
    note = re.search(r"/notes/(\d+)/delete", after.body.decode())
    assert note is not None
    await _post(visitor, f"{path}/notes/{note[1]}/delete")
    deleted = await _post(visitor, f"{path}/delete")

    assert "SAR 125,000.50" in seen
    assert "What would change it" in seen
    assert b"<html" not in piece.body
    assert (changed.status, stale.status, deleted.status) == (303, 409, 303)
    assert "Project Beta" in _text(after)
    assert "USD 7.00" in _text(after)
    assert "They pay on Friday.\nOr so." in after.body.decode()
    assert (await visitor.get(path)).status == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"value": "a lot"}, "value"),
        ({"value": "NaN"}, "value"),
        ({"value": "-1"}, "value"),
        ({"title": ""}, "title"),
        ({"currency": "EURO"}, "currency"),
        ({"paid_on": "yesterday"}, "paid_on"),
        ({"invoiced_on": "2199-01-01", "stage_changed_on": "2026-01-05"}, "invoiced_on"),
        ({"payment_terms_days": "soon"}, "payment_terms_days"),
    ],
    ids=str,
)
async def test_form_with_a_fault_comes_back_as_it_was_filled_in(
    house: House, fields: dict[str, str], param: str
) -> None:
    visitor = await _visitor(house)

    said = {"title": "Kept", "stage": "Order Received", "value": "1", "currency": "SAR", **fields}
    page = await _post(visitor, f"{PAGE}/deals", **said)

    assert page.status == 400
    assert re.search(rf'id="{param}"[^>]*aria-invalid', page.body.decode())
    assert (b'value="Kept"' in page.body) == ("title" not in fields)


async def test_list_is_searched_filtered_and_paged(house: House) -> None:
    visitor = await _visitor(house)
    rows = "".join(f"Deal {number:03},Order Received\n" for number in range(120))
    await _upload(visitor, f"{PAGE}/import", f"title,stage\n{rows}Needle,Awaiting GR\n")

    first = await visitor.get(f"{PAGE}/deals")
    found = await visitor.get(f"{PAGE}/deals?text=needle&status=open")
    none = await visitor.get(f"{PAGE}/deals?status=paid")
    seen = re.findall(r">Deal (\d{3})<", first.body.decode())
    path = _more(first)
    while path:
        piece = await visitor.get(path, hx_request="true")
        seen += re.findall(r">Deal (\d{3})<", piece.body.decode())
        path = _more(piece)

    assert seen == [f"{number:03}" for number in range(120)]
    assert re.findall(r">(Needle|Deal \d+)<", found.body.decode()) == ["Needle"]
    assert "No deal fits" in _text(none)
    assert (await visitor.get(f"{PAGE}/deals?status=strange")).status == 400


async def test_file_with_a_wrong_row_says_so_and_nothing_is_imported(house: House) -> None:
    visitor = await _visitor(house)

    preview = await _upload(visitor, f"{PAGE}/import/preview", BAD)
    refused = await _upload(visitor, f"{PAGE}/import", BAD)
    left = await visitor.get("/cashflow/deals", sec_fetch_site="same-origin")
    good = await _upload(visitor, f"{PAGE}/import/preview", GOOD)
    done = await _upload(visitor, f"{PAGE}/import", GOOD)

    assert "Rows that are right: 2" in _text(preview)
    wrong = r"data-problems.*?>4</th><td>amount</td><td><bdi[^>]*>[^<]*many"
    assert re.search(wrong, preview.body.decode(), re.S)
    assert b"data-take" not in preview.body
    assert refused.headers["officium-error"] == "deal_import_rejected"
    assert left.json["deals"] == []
    assert b"data-take" in good.body
    assert "New: 2." in _text(done)


async def test_columns_are_mapped_by_hand_where_their_names_do_not_tell(house: House) -> None:
    visitor = await _visitor(house)
    text = "Vorgang;Stufe;Wert;Created\nAlpha;Order Received;1.000,50;2026-01-05\n"

    asked = await _upload(visitor, f"{PAGE}/import/preview", text)
    mapping = json.dumps({"title": "Vorgang", "stage": "Stufe", "value": "Wert", "created_on": ""})
    read = await _upload(visitor, f"{PAGE}/import/preview", text, mapping=mapping)
    strange = await _upload(visitor, f"{PAGE}/import/preview", text, mapping="[]")

    assert "officium-error" not in asked.headers
    assert "Choose which columns hold the title" in _text(asked)
    assert "SAR 1,000.50" in _text(read)
    assert 'value="Created" selected' not in read.body.decode()
    assert strange.headers["officium-error"] == "invalid_request"


@pytest.mark.parametrize("name", ["deals.pdf", "deals", "", "deals.xlsx"])
async def test_file_that_is_none_is_refused_in_a_sentence(house: House, name: str) -> None:
    visitor = await _visitor(house)

    reply = await _upload(visitor, f"{PAGE}/import/preview", b"%PDF-1.4 nothing", name)

    assert reply.headers["officium-error"] in ("invalid_request", "deal_import_rejected")
    assert b'role="alert"' in reply.body


async def test_scenario_compares_and_takes_changes_back(house: House) -> None:
    visitor = await _visitor(house)
    await _post(visitor, f"{PAGE}/sample")

    added = await visitor.get(
        f"{PAGE}/scenarios?add=delay_customer&customer=Northgate+Energy&days=60&horizon=30"
    )
    page = await visitor.get(added.headers["location"])
    strange = await visitor.get(f"{PAGE}/scenarios?change=burn_it%7Cdown%7C3")
    unknown = await visitor.get(f"{PAGE}/scenarios?change=delay_customer%7CNobody%7C3")
    kept = await _post(
        visitor, f"{PAGE}/scenarios", changes="delay_customer|Northgate Energy|60", horizon="30"
    )
    runs = await visitor.get("/cashflow/runs?kind=scenario", sec_fetch_site="same-origin")

    assert added.status == 303
    assert "Northgate Energy pays 60 days later" in _text(page)
    assert re.search(r'verdict-bad"><strong>SAR -[\d,]+', page.body.decode())
    assert strange.status == 400
    assert "Nothing open is known of: Nobody" in _text(unknown)
    assert kept.status == 303
    assert len(runs.json["runs"]) == 1


async def test_track_record_stands_beside_three_baselines(house: House) -> None:
    visitor = await _visitor(house)
    await _post(visitor, f"{PAGE}/sample")

    nothing = await visitor.get(f"{PAGE}/record")
    made = await _post(visitor, f"{PAGE}/record", horizon="90")
    page = await visitor.get(made.headers["location"])

    assert "No backtest yet" in _text(nothing)
    for name in ("Officium", "Documented constants", "Your averages", "Each customer's average"):
        assert name in _text(page).replace("&#39;", "'")
    assert "Does confidence mean what it says?" in _text(page)
    assert (await visitor.get(f"{PAGE}/record?run=999")).status == 404


async def test_country_and_terms_are_set_and_forecasts_follow(house: House) -> None:
    visitor = await _visitor(house)
    path = await _created(visitor)
    form = await visitor.get(f"{PAGE}/settings")
    told = dict(re.findall(r'<input class="form-control" id="(\w+)"[^>]*value="([^"]*)"', form.body.decode()))
    lists = dict(re.findall(r'<textarea[^>]*id="(\w+)"[^>]*>([^<]*)<', form.body.decode()))

    saved = await _post(
        visitor, f"{PAGE}/settings", **{**told, **lists, "country": "SA", "payment_terms_days": "90"}
    )
    wrong = await _post(visitor, f"{PAGE}/settings", **{**told, **lists, "stage_days": "Order Received 10"})
    page = await visitor.get(PAGE)
    due = _working_day(utc_today() + timedelta(days=100))

    assert saved.status == 303
    assert wrong.status == 400
    assert "Order Received: 10" in lists["stage_days"]
    assert "Payments wait for the working days of Saudi Arabia" in _text(page)
    assert Figures("en").day(due) in _text(await visitor.get(PAGE + "?horizon=180"))
    assert path


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_who_may_not_change_deals_is_refused(house: House, role: Role) -> None:
    tenant = (await house.resident("Alpha")).tenant.id
    path = await _created(await _member(house, tenant, "ada@example.com", "admin"))
    other = await _member(house, tenant, "vera@example.com", role)

    replies = [
        await _post(other, f"{PAGE}/deals", title="x", stage="y", value="1"),
        await _post(other, f"{path}/delete"),
        await _post(other, f"{path}/edit", title="x", stage="y"),
        await _post(other, f"{path}/notes", text="x"),
        await _post(other, f"{PAGE}/sample"),
        await _post(other, f"{PAGE}/settings", currency="SAR", time_zone="UTC", payment_terms_days="1"),
        await other.get(f"{path}/edit"),
        await other.get(f"{PAGE}/import"),
    ]
    page = await other.get(path)

    assert [reply.status for reply in replies] == [403] * len(replies)
    assert page.status == 200
    assert b"/edit" not in page.body


async def test_other_tenants_deals_and_runs_are_nowhere_to_be_found(house: House) -> None:
    ours = await _visitor(house)
    path = await _created(ours, title="Secret project")
    await _post(ours, f"{PAGE}/predictions")
    await _post(ours, f"{PAGE}/record")
    run = (await ours.get("/cashflow/runs", sec_fetch_site="same-origin")).json["runs"][0]["id"]
    theirs = await _visitor(house, "eve@example.com", "Beta")
    await _created(theirs, title="Their own")

    pages = [
        await theirs.get(f"{PAGE}{part}") for part in ("", "/deals", "/scenarios", "/record", "/assumptions")
    ]
    gone = [
        await theirs.get(path),
        await theirs.get(f"{path}/edit"),
        await _post(theirs, f"{path}/edit", title="x", stage="y", value="1"),
        await _post(theirs, f"{path}/delete"),
        await _post(theirs, f"{path}/notes", text="x"),
        await _post(theirs, f"{path}/notes/1/delete"),
        await theirs.get(f"{PAGE}/record?run={run}"),
        await theirs.get(f"{PAGE}/assumptions?run={run}"),
    ]

    assert [page.status for page in pages] == [200] * len(pages)
    assert all(b"Secret project" not in page.body for page in (*pages, *gone))
    assert [reply.status for reply in gone] == [404] * len(gone)


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("SAR 1,234.50", "12%", "Nov 21, 2026", "Nov 2026")),
        ("de", ("SAR 1.234,50", "12 %", "21.11.2026", "Nov. 2026")),
        ("tr", ("SAR 1.234,50", "%12", "21 Kas 2026", "Kas 2026")),
    ],
)
def test_figures_are_written_as_in_the_language_and_read_back(language: str, shown: tuple[str, ...]) -> None:
    figures, day = Figures(language), date(2026, 11, 21)

    written = (
        figures.money(Decimal("1234.5"), "SAR"),
        figures.percent(0.12),
        figures.day(day),
        figures.period(day.replace(day=1), day.replace(day=30), "month"),
    )

    assert tuple(re.sub(r"[\u00a0\u202f]", " ", text) for text in written) == shown
    assert figures.read_number(figures.plain(Decimal("1234.5"))) == Decimal("1234.5")
    assert figures.read_number(figures.example) == Decimal("12500.50")


def _more(page: Reply) -> str | None:
    found = re.search(r'data-more href="([^"]+)"', page.body.decode())
    return None if found is None else _unescaped(found[1])


def _unescaped(text: str) -> str:
    for sign, plain in (("&#34;", '"'), ("&quot;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(sign, plain)
    return text.replace("&amp;", "&")


def _working_day(day: date) -> date:
    return WorkingCalendar("SA").next_working_day(day)


async def test_many_deals_are_computed_aside_and_the_page_says_how_old_they_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.apps.cashflow.outlooks.service.MOST_AT_ONCE", 0)
    visitor, other = await _visitor(house), await _visitor(house, "eve@example.com", "Beta")
    await _post(visitor, f"{PAGE}/sample")
    await _post(other, f"{PAGE}/sample")

    waiting = await visitor.get(PAGE)
    fresh = await _computed(visitor)
    await _created(visitor)
    stale = await visitor.get(PAGE)
    await _post(visitor, f"{PAGE}/outlook")
    renewed = await _computed(visitor)
    theirs = await other.get(PAGE)

    assert "Step 1 of 3" in _text(waiting)
    assert b"data-outlook=" in waiting.body
    assert "Payments in SAR" not in _text(waiting)
    assert "Payments in SAR" in _text(fresh)
    assert "have changed since" not in _text(fresh)
    assert "Deals, settings or backtests have changed since" in _text(stale)
    assert "Project Alpha" not in _text(stale)
    assert "have changed since" not in _text(renewed)
    assert "Project Alpha" in _text(renewed)
    assert b"data-outlook=" in theirs.body


async def test_lists_go_on_to_their_end_and_say_when_the_figures_are_newer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.web.console.pages.cashflow_view.LISTED", 7)
    visitor = await _visitor(house)
    await _post(visitor, f"{PAGE}/sample")
    found, path = list[str](), f"{PAGE}?horizon=30&certainty=0.25"
    page = await visitor.get(path)
    whole = {
        name: int(n)
        for name, n in re.findall(r'id="(dated|filtered)">[^<]*<span class="tag">(\d+)', page.body.decode())
    }

    for name in ("dated", "left_out"):
        body = page.body.decode()
        section = body[body.index('id="dated"' if name == "dated" else 'id="filtered"') :]
        while more := re.search(rf'data-more href="([^"]+list={name}[^"]+)"', section):
            found += re.findall(r"deals/(\d+)", section.partition("data-more")[0])
            section = (
                await visitor.send("GET", _unescaped(more[1]).partition("#")[0], b"", {"hx-request": "true"})
            ).body.decode()
        found += re.findall(r"deals/(\d+)", section.partition("</table>")[0])
    strange = await visitor.send(
        "GET", f"{path}&after=2026-01-01.1&made=long-ago", b"", {"hx-request": "true"}
    )

    assert whole["dated"] > 7
    assert whole["filtered"] > 7
    assert len(found) == len(set(found)) == whole["dated"] + whole["filtered"]
    assert "computed again since you opened this page" in _text(strange)


async def test_kept_forecasts_are_held_against_what_came_and_say_when_it_is_too_early(house: House) -> None:
    tenant = (await house.resident("Alpha")).tenant.id
    visitor = await _member(house, tenant, "ada@example.com", "viewer")
    stranger = await _visitor(house, "eve@example.com", "Beta")
    ours = operator_of(tenant)
    await house.parts.deals.import_sample(ours)
    asked = CashForecastInput(today=utc_today() - timedelta(days=60), granularity="month")
    old = (await house.parts.cashflow.forecast(ours, asked)).run_id

    kept = await _post(visitor, f"{PAGE}/forecasts", granularity="week")
    young = await visitor.get(kept.headers["location"].partition("#")[0])
    record = await visitor.get(f"{PAGE}/record")
    theirs = await stranger.get(f"{PAGE}/record?forecast={old}")
    charts = [
        json.loads(_unescaped(one)) for one in re.findall(r'data-chart="([^"]+)"', record.body.decode())
    ]

    assert kept.status == 303
    assert "Nothing to score yet: its first period ends on" in _text(young)
    assert f"/console/cashflow/record?forecast={old}#scored" in record.body.decode()
    assert re.search(r"cash error: [\d,]+ expected, [\d,]+ came", _text(record))
    assert "too few to judge by" in _text(record)
    assert len(charts) == 4
    for chart in charts:
        low, high, _, came = (one["values"] for one in chart["series"])
        assert len(low) == len(high) == len(came) == len(chart["labels"]) >= 1
    assert theirs.status == 404


async def test_terms_of_a_customer_are_set_by_those_who_may_and_by_no_other_tenant(house: House) -> None:
    tenant = (await house.resident("Alpha")).tenant.id
    admin = await _member(house, tenant, "ada@example.com", "admin")
    viewer = await _member(house, tenant, "vera@example.com", "viewer")
    other = await _visitor(house, "eve@example.com", "Beta")
    await _created(admin, customer="Meadow")
    (meadow,) = await house.parts.deals.list_customers(operator_of(tenant))
    path = f"{PAGE}/customers/{meadow.id}"

    wrong = await _post(admin, path, terms="-3")
    refused = [(await _post(who, path, terms="9")).status for who in (viewer, other)]
    saved = await _post(admin, path, terms="21", after="0")
    page = await admin.get(f"{PAGE}/customers")
    looked, theirs = await viewer.get(f"{PAGE}/customers"), await other.get(f"{PAGE}/customers")

    assert (wrong.status, refused, saved.status) == (400, [403, 404], 303)
    assert b'value="21"' in page.body
    assert b'name="terms"' not in looked.body
    assert "Meadow" in _text(looked)
    assert "Meadow" not in _text(theirs)


async def test_import_names_the_columns_it_does_not_use(house: House) -> None:
    visitor = await _visitor(house)

    told = await _upload(visitor, f"{PAGE}/import/preview", "title,stage,Colour,Curr\nAlpha,Won,red,SAR\n")

    assert "Columns of the file that are not used: Colour, Curr" in _text(told).replace(" ,", ",")


async def _computed(visitor: Visitor) -> Reply:
    """The page once nothing is being computed any more."""
    async with asyncio.timeout(60):
        while b"data-outlook-done" not in (await visitor.get(f"{PAGE}/progress")).body:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return await visitor.get(PAGE)
