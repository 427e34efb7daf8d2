"""`/cashflow/deals` through the door, on both databases."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import openpyxl
import pytest

from officium.kit.database import Database
from tests.support.house import House, Resident, open_house
from tests.support.workbooks import a_workbook

CSV = {"content-type": "text/csv"}
XLSX = {"content-type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FILE = (
    b"title,stage,value,customer,external_id,notes\n"
    b"Alpha,Order Received,10.50,Aramco,1,Call\n"
    b"Beta,A,7,SABIC,2,\n"
)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    url = database._url.render_as_string(hide_password=False)
    async with open_house(tmp_path, url) as house:
        yield house


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def _create(tenant: Resident, **said) -> dict:
    deal = {"title": "Alpha", "stage": "Order Received", "value": "125000.00", **said}
    reply = await tenant.ask("POST", "/cashflow/deals", deal)
    assert reply.status == 201
    return reply.json


async def test_deal_is_kept_changed_and_deleted(tenant: Resident):
    made = await _create(tenant, customer="Aramco", created_on="2026-01-05")
    path = f"/cashflow/deals/{made['id']}"

    moved = await tenant.ask("PUT", path, {"stage": "Invoiced", "stageChangedOn": "2026-02-01"})
    read = await tenant.ask("GET", path)
    gone = await tenant.ask("DELETE", path)

    assert (made["value"], made["currency"], made["status"]) == ("125000.00", "SAR", "open")
    assert moved.json == read.json
    assert (read.json["status"], read.json["invoiced_on"]) == ("invoiced", "2026-02-01")
    assert [change["stage"] for change in read.json["stage_changes"]] == ["Order Received", "Invoiced"]
    assert gone.status == 204
    assert (await tenant.ask("GET", path)).json["error"]["code"] == "deal_not_found"


async def test_change_on_top_of_what_was_not_seen_is_refused(tenant: Resident):
    made = await _create(tenant)
    path = f"/cashflow/deals/{made['id']}"
    await tenant.ask("PUT", path, {"value": "1"})

    late = await tenant.ask("PUT", path, {"value": "2", "updated_at": made["updated_at"]})

    assert late.status == 409


async def test_deals_are_paged_and_filtered(tenant: Resident):
    for number in range(5):
        await _create(tenant, title=f"Deal {number} 100%", pipeline="A" if number % 2 else "B")

    first = (await tenant.ask("GET", "/cashflow/deals?limit=3")).json
    second = (await tenant.ask("GET", f"/cashflow/deals?limit=3&after={first['next_after']}")).json
    of_a = (await tenant.ask("GET", "/cashflow/deals?pipeline=A&status=open")).json
    found = (await tenant.ask("GET", "/cashflow/deals?text=deal%203%20100%25")).json

    assert [deal["title"][5] for deal in (*first["deals"], *second["deals"])] == list("01234")
    assert second["next_after"] is None
    assert [deal["title"][5] for deal in of_a["deals"]] == ["1", "3"]
    assert [deal["title"][5] for deal in found["deals"]] == ["3"]


async def test_external_id_belongs_to_one_deal(tenant: Resident):
    await _create(tenant, external_id="crm-1")

    again = await tenant.ask(
        "POST", "/cashflow/deals", {"title": "Other", "stage": "A", "external_id": "crm-1"}
    )

    assert again.status == 409


@pytest.mark.parametrize(
    "body",
    [
        {"title": "x"},
        {"title": "x", "stage": "A", "value": -1},
        {"title": "x", "stage": "A", "value": "NaN"},
        {"title": "x", "stage": "A", "currency": "riyal"},
        {"title": "x", "stage": "A", "created_on": "yesterday"},
        {"title": "x", "stage": "A", "colour": "red"},
        {"title": "x\0", "stage": "A"},
    ],
)
async def test_what_is_no_deal_is_refused(tenant: Resident, body: dict):
    assert (await tenant.ask("POST", "/cashflow/deals", body)).status == 400


async def test_notes_belong_to_a_deal(tenant: Resident):
    deal = await _create(tenant)
    path = f"/cashflow/deals/{deal['id']}/notes"

    note = await tenant.ask("POST", path, {"text": "They pay in May.", "written_on": "2026-01-02"})
    listed = await tenant.ask("GET", path)
    removed = await tenant.ask("DELETE", f"{path}/{note.json['id']}")

    assert note.status == 201
    assert listed.json["notes"] == [note.json]
    assert removed.status == 204
    assert (await tenant.ask("POST", "/cashflow/deals/999/notes", {"text": "x"})).status == 404


async def test_file_is_previewed_then_imported_then_known(tenant: Resident):
    preview = await tenant.ask("POST", "/cashflow/deals/import/preview", FILE, headers=CSV)
    before = await tenant.ask("GET", "/cashflow/deals")
    first = await tenant.ask("POST", "/cashflow/deals/import", FILE, headers=CSV)
    changed = FILE.replace(b"10.50", b"11.50")
    second = await tenant.ask("POST", "/cashflow/deals/import", changed, headers=CSV)

    assert (preview.json["right"], preview.json["wrong"]) == (2, 0)
    assert preview.json["rows"][0]["deal"]["value"] == "10.50"
    assert before.json["deals"] == []
    assert (first.json["added"], first.json["notes"]) == (2, 1)
    assert (second.json["added"], second.json["updated"], second.json["unchanged"]) == (0, 1, 1)
    assert second.json["notes"] == 0
    customers = (await tenant.ask("GET", "/cashflow/customers")).json["customers"]
    assert [(each["name"], each["deal_count"]) for each in customers] == [("Aramco", 1), ("SABIC", 1)]


async def test_one_wrong_row_keeps_everything_out(tenant: Resident):
    reply = await tenant.ask("POST", "/cashflow/deals/import", FILE + b"Gamma,,1,,3,\n", headers=CSV)

    assert reply.json["error"]["code"] == "deal_import_rejected"
    assert (await tenant.ask("GET", "/cashflow/deals")).json["deals"] == []


async def test_workbook_is_imported_with_a_mapping(tenant: Resident):
    content = a_workbook(["Vorgang", "Lage", "Wert"], ["Alpha", "Order Received", 12.5])
    mapping = "%7B%22title%22%3A%22Vorgang%22%2C%22stage%22%3A%22Lage%22%2C%22value%22%3A%22Wert%22%7D"

    done = await tenant.ask("POST", f"/cashflow/deals/import?mapping={mapping}", content, headers=XLSX)

    assert done.json["added"] == 1
    (deal,) = (await tenant.ask("GET", "/cashflow/deals")).json["deals"]
    assert (deal["title"], deal["value"]) == ("Alpha", "12.5")


async def test_exports_come_back_as_they_went_and_are_no_formulas(house: House, tenant: Resident):
    await _create(tenant, title='=HYPERLINK("http://evil")', customer="@SUM(A1)", created_on="2026-01-05")
    await _create(tenant, title="Beta", stage="Paid", created_on="2026-01-05", external_id="b")

    text = await tenant.ask("GET", "/cashflow/deals.csv")
    book = await tenant.ask("GET", "/cashflow/deals.xlsx")
    other = await house.resident("Other")
    back = [
        await other.ask("POST", "/cashflow/deals/import/preview", text.body, headers=CSV),
        await other.ask("POST", "/cashflow/deals/import/preview", book.body, headers=XLSX),
    ]

    rows = list(csv.DictReader(io.StringIO(text.body.decode())))
    assert rows[0]["title"].startswith("'=")
    sheet = openpyxl.load_workbook(io.BytesIO(book.body)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    for preview in back:
        assert (preview.json["right"], preview.json["wrong"]) == (2, 0)
        assert preview.json["rows"][0]["deal"]["title"] == '=HYPERLINK("http://evil")'
        assert preview.json["rows"][0]["deal"]["customer"] == "@SUM(A1)"


async def test_import_with_a_key_happens_once(house: House, tenant: Resident):
    file = FILE.replace(b",1,", b",,").replace(b",2,", b",,")
    headers = {**CSV, "idempotency-key": "once"}

    first = await tenant.ask("POST", "/cashflow/deals/import", file, headers=headers)
    assert house.app._once is not None
    await house.app._once.close()
    second = await tenant.ask("POST", "/cashflow/deals/import", file, headers=headers)

    assert second.json == first.json
    assert len((await tenant.ask("GET", "/cashflow/deals")).json["deals"]) == 2


async def test_sample_is_imported_and_brought_up_to_date(tenant: Resident):
    first = await tenant.ask("POST", "/cashflow/sample", {"seed": 2})
    second = await tenant.ask("POST", "/cashflow/sample", {"seed": 2})

    assert (first.json["added"], second.json["added"], second.json["unchanged"]) == (288, 0, 288)
    pipelines = (await tenant.ask("GET", "/cashflow/pipelines")).json["pipelines"]
    assert [each["name"] for each in pipelines] == ["Aramco Projects", "Manufacturing", "Service Contracts"]
    assert sum(each["deal_count"] for each in pipelines) == 288


async def test_configuration_is_kept_and_checked(tenant: Resident):
    asked = {"stage_days": {"Signed": 3}, "country": "SA", "time_zone": "Asia/Riyadh", "currency": "USD"}

    saved = await tenant.ask("PUT", "/cashflow/config", asked)
    wrong = [
        await tenant.ask("PUT", "/cashflow/config", body)
        for body in ({"country": "XX"}, {"time_zone": "Mars/Olympus"}, {"stage_days": {"A": 0}})
    ]

    assert saved.json["stage_days"] == {"Signed": 3}
    assert (await tenant.ask("GET", "/cashflow/config")).json == saved.json
    assert [reply.status for reply in wrong] == [400, 400, 400]
    assert (await _create(tenant))["currency"] == "USD"


async def test_terms_of_a_customer_are_set(tenant: Resident):
    await _create(tenant, customer="Aramco")
    (customer,) = (await tenant.ask("GET", "/cashflow/customers")).json["customers"]

    changed = await tenant.ask("PUT", f"/cashflow/customers/{customer['id']}", {"payment_terms_days": 60})

    assert changed.json["payment_terms_days"] == 60
    assert changed.json["name"] == "Aramco"
