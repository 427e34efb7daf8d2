"""The door to what the advisers know, through the whole server."""

import pytest

from tests.support.house import House, Resident

ROOT = "/api/business-context"
PROFILE = {
    "industry": "SaaS",
    "size": "small",
    "stage": "growth",
    "revenue": "$100k-$500k",
    "goals": ["Reach $1M ARR"],
    "extra": {"team": 12},
}


@pytest.fixture
async def acme(house: House) -> Resident:
    return await house.resident("Acme")


async def test_context_has_everything_with_its_dates(acme: Resident):
    await acme.ask("PUT", f"{ROOT}/profile", PROFILE)
    await acme.ask("POST", f"{ROOT}/snapshots", {"asOf": "2020-01-31", "sessions": 1500, "revenue": 12500.5})
    await acme.ask("POST", f"{ROOT}/insights", {"module": "crm", "key": "deals", "data": {"open": 3}})

    context = (await acme.ask("GET", ROOT, scopes=["inference"])).json

    assert {name: context["profile"][name] for name in PROFILE} == PROFILE
    assert context["profile"]["updatedAt"]
    analytics = context["analytics"]
    assert (analytics["asOf"], analytics["isStale"]) == ("2020-01-31T00:00:00Z", True)
    assert (analytics["sessions"], analytics["users"], analytics["revenue"]) == (1500, None, 12500.5)
    assert context["insights"][0]["data"] == {"open": 3}
    assert context["insights"][0]["observedAt"] == context["insights"][0]["receivedAt"]
    assert context["staleAfterDays"] == 7


async def test_empty_context_has_no_parts(acme: Resident):
    assert (await acme.ask("GET", ROOT)).json == {
        "profile": None,
        "analytics": None,
        "insights": [],
        "staleAfterDays": 7,
    }
    assert (await acme.ask("GET", f"{ROOT}/profile")).json["updatedAt"] is None


async def test_both_spellings_are_understood(acme: Resident):
    for asked in ({"asOf": "2026-01-01", "users": 1}, {"as_of": "2026-01-02T12:00:00+02:00", "users": 2}):
        assert (await acme.ask("POST", f"{ROOT}/snapshots", asked)).json == {"saved": 1}

    page = (await acme.ask("GET", f"{ROOT}/snapshots?limit=1")).json
    rest = (await acme.ask("GET", f"{ROOT}/snapshots?limit=2&before={page['nextBefore']}")).json

    assert [each["asOf"] for each in page["snapshots"]] == ["2026-01-02T10:00:00Z"]
    assert [each["asOf"] for each in rest["snapshots"]] == ["2026-01-01T00:00:00Z"]
    assert rest["nextBefore"] is None


async def test_many_are_saved_at_once(acme: Resident):
    snapshots = [{"asOf": f"2026-01-0{day}", "users": day} for day in (1, 2, 3)]
    insights = [{"module": "crm", "key": str(number), "text": "t"} for number in range(3)]

    assert (await acme.ask("POST", f"{ROOT}/snapshots", {"snapshots": snapshots})).json == {"saved": 3}
    assert (await acme.ask("POST", f"{ROOT}/insights", {"insights": insights})).json == {"saved": 3}
    page = (await acme.ask("GET", f"{ROOT}/insights?limit=2")).json
    rest = (await acme.ask("GET", f"{ROOT}/insights?limit=2&after={page['nextAfter']}")).json
    assert [each["key"] for each in (*page["insights"], *rest["insights"])] == ["0", "1", "2"]


async def test_file_is_imported_whole(acme: Resident):
    csv = b"asOf,users,revenue\n2026-01-01,4,1.5\n2026-01-02,5,2.5\n"

    reply = await acme.ask("POST", f"{ROOT}/snapshots/import", csv, headers={"content-type": "text/csv"})

    assert reply.json == {"saved": 2}
    found = (await acme.ask("GET", f"{ROOT}/snapshots")).json["snapshots"]
    assert [each["users"] for each in found] == [5, 4]


async def test_file_with_a_wrong_row_is_not_imported_at_all(acme: Resident):
    csv = b"asOf,users\n2026-01-01,4\n2026-01-02,many\n"

    reply = await acme.ask("POST", f"{ROOT}/snapshots/import", csv, headers={"content-type": "text/csv"})

    error = reply.json["error"]
    assert (reply.status, error["code"]) == (400, "import_rejected")
    assert error["rows"] == [{"row": 3, "problem": "`users` is no number. Write it like 12500.50."}]
    assert (await acme.ask("GET", f"{ROOT}/snapshots")).json["snapshots"] == []


async def test_file_of_another_kind_is_refused(acme: Resident):
    reply = await acme.ask(
        "POST", f"{ROOT}/snapshots/import", b"PK", headers={"content-type": "application/zip"}
    )

    assert (reply.status, reply.json["error"]["param"]) == (400, "content-type")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("snapshots", {"asOf": "2026-01-01", "users": True}, id="truth-is-no-number"),
        pytest.param("snapshots", {"asOf": "2026-01-01", "users": "5"}, id="words-are-no-number"),
        pytest.param("snapshots", b'{"asOf": "2026-01-01", "revenue": 1e999}', id="endless"),
        pytest.param("snapshots", {"asOf": "0001-01-01T00:00:00+14:00", "users": 1}, id="before-all-time"),
        pytest.param("snapshots", {"asOf": "2026-01-01", "users": 1, "extra": {"a": None}}, id="nothing"),
        pytest.param("snapshots", {"users": 1}, id="no-moment"),
        pytest.param("snapshots", {"snapshots": []}, id="none"),
        pytest.param("insights", {"module": "crm", "key": "x", "expiresAt": "9999-12-31T23:59:59-14:00",
                                  "text": "t"}, id="never-forgotten"),
        pytest.param("insights", {"module": "crm", "key": "x", "text": "a\u0000b"}, id="nul"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(acme: Resident, path: str, body: object):
    assert (await acme.ask("POST", f"{ROOT}/{path}", body)).status == 400


async def test_module_may_push_and_read_nothing(acme: Resident):
    news = {"module": "crm", "key": "deals", "text": "Three wait."}

    pushed = await acme.ask("POST", f"{ROOT}/insights", news, scopes=["insights:write"])
    read = await acme.ask("GET", f"{ROOT}/insights", scopes=["insights:write"])

    assert (pushed.status, read.status) == (200, 403)
