"""The first steps: what they ask for, what they keep, and how they go on where something fails."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.core.usage.budgets import Terms
from officium.core.usage.ledger.budget import THE_TENANT
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.upstream import Upstream, answer, hang
from tests.support.web import Reply

STEPS = "/console/first-steps"
WRONG_KEY = "sk-wrong-0123456789abcdef"
REFUSAL = {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}
SPENT = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, allowed_private_hosts=["127.0.0.1"]) as house:
        yield house


async def _visitor(house: House, role: Role = "owner", name: str = "Alpha") -> tuple[Resident, Visitor]:
    tenant = await house.resident(name)
    email = f"{name}-{role}@example.com".lower()
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), email, role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return tenant, visitor


async def _send(visitor: Visitor, what: str, **fields: str) -> Reply:
    return await visitor.post(f"{STEPS}/{what}", {"csrf": csrf_in(await visitor.get(STEPS)), **fields})


async def _ask(visitor: Visitor, question: str = "Hello?", provider: str = "mock") -> Reply:
    proof = csrf_in(await visitor.get(STEPS))
    fields = {"question": question, "provider": provider}
    return await visitor.post(f"{STEPS}/ask", fields, x_csrf_token=proof, hx_request="true")


def _events(reply: Reply) -> list[tuple[str, dict[str, Any]]]:
    found = re.findall(r"event: (\w+)\ndata: (.*)\n", reply.body.decode())
    return [(name, msgspec.json.decode(data)) for name, data in found]


def _open_step(page: Reply) -> str:
    found = re.search(r'<summary id="now">.*?<h2>(.*?)</h2>', page.body.decode(), re.DOTALL)
    assert found is not None
    return found[1]


async def test_guide_opens_by_itself_and_goes_from_step_to_step(house: House) -> None:
    _, owner = await _visitor(house)

    start = await owner.get("/console")
    events = _events(await _ask(owner))
    after_answer = await owner.get(STEPS)
    made = await _send(owner, "key", name="Shop", lifetime="90")
    again = await owner.get(f"{STEPS}?step=key")
    added = await _send(owner, "widget", new_client="Bakery", name="Help", origin="https://bakery.example")
    shown = await owner.get(added.headers["location"].partition("#")[0])
    secret = re.search(r'id="once"[^>]*>(of_[^<]+|[^<]+)<', made.body.decode())

    assert _open_step(start) == "Connect a provider"
    assert b"0 of 4 done" in start.body
    assert [name for name, _ in events][-1] == "end"
    assert "[scripted]" in events[0][1]["blocks"][0]
    end = events[-1][1]
    assert end["state"] == "complete"
    assert re.search(r'data-took="tokens">\d+ in, \d+ out', end["html"])
    assert 'data-took="cost">$0.00' in end["html"]
    assert re.search(r'data-took="ttft">\d+ ms', end["html"])
    assert _open_step(after_answer) == "Make a key for a program"
    assert secret is not None
    assert made.body.decode().count(secret[1]) == 3, "the key itself, with curl and in Python"
    assert secret[1] not in again.body.decode()
    assert "YOUR_KEY" in again.body.decode()
    assert added.status == 303
    assert b"widget.js&#34; data-widget-key=" in shown.body
    assert b"Help, for Bakery" in shown.body
    assert b"3 of 4 done" in shown.body


async def test_key_of_the_guide_asks_and_does_nothing_else(house: House) -> None:
    _, owner = await _visitor(house)

    made = await _send(owner, "key", name="Shop")
    secret = re.search(r'id="once"[^>]*>([^<]+)<', made.body.decode())
    assert secret is not None
    caller = await house.parts.authenticator.authenticate(secret[1])

    assert caller.scopes == frozenset({"inference"})


async def test_provider_is_kept_once_it_answers_and_becomes_the_default(house: House) -> None:
    tenant, owner = await _visitor(house)
    reply = {
        "id": "1",
        "object": "chat.completion",
        "model": "tiny",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
    }

    async with Upstream(answer(reply)) as upstream:
        connected = await _send(
            owner, "provider", provider="openai", api_key="sk-good-0123456789", model="tiny",
            api_url=f"{upstream.url}/v1",
        )  # fmt: skip
    default = await house.parts.configs.get_default(operator_of(tenant.tenant.id))

    assert connected.status == 200
    assert _open_step(connected) == "Ask a first question"
    assert b"openai is connected and answers." in connected.body
    assert b'<option value="openai" selected>' in connected.body
    assert (default.provider, default.model) == ("openai", "tiny")
    assert b"sk-good" not in connected.body


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, REFUSAL, "copied the whole key"),
        (429, SPENT, "Add credit to your account"),
        (404, {"error": {"message": "No such model", "code": "model_not_found"}}, "Write another name"),
        (503, {"error": {"message": "Overloaded"}}, "Try again in a minute"),
    ],
    ids=["key refused", "no credit there", "unknown model", "unavailable"],
)
async def test_provider_that_does_not_answer_is_not_kept_and_one_is_told_what_to_do(
    house: House, status: int, body: Mapping[str, Any], told: str
) -> None:
    tenant, owner = await _visitor(house)

    async with Upstream(answer(body, status=status)) as upstream:
        refused = await _send(
            owner, "provider", provider="openai", api_key=WRONG_KEY, api_url=f"{upstream.url}/v1"
        )
    page = refused.body.decode()
    start = await owner.get("/console")

    assert refused.status == 200
    assert _open_step(refused) == "Connect a provider"
    assert told in page
    assert WRONG_KEY not in page
    assert '<option value="openai" selected>' in page
    assert "Go on with the scripted provider" in page
    assert await house.parts.configs.list_configs(operator_of(tenant.tenant.id)) == []
    assert b"0 of 4 done" in start.body, "a check that failed is not a first question"


async def test_what_cannot_be_reached_or_is_not_allowed_is_told(house: House) -> None:
    tenant, owner = await _visitor(house)

    nobody = await _send(
        owner, "provider", provider="openai", api_key=WRONG_KEY, api_url="http://127.0.0.1:9/v1"
    )
    inside = await _send(
        owner, "provider", provider="openai", api_key=WRONG_KEY, api_url="http://10.0.0.1/v1"
    )
    keyless = await _send(owner, "provider", provider="openai")

    assert b"proxy or firewall" in nobody.body
    assert inside.status == 400
    assert keyless.status == 400
    assert b"needs a key" in keyless.body
    assert re.search(rb'id="api_key"[^>]*aria-invalid="true"', keyless.body)
    assert await house.parts.configs.list_configs(operator_of(tenant.tenant.id)) == []


async def test_who_leaves_during_the_check_leaves_no_configuration(house: House) -> None:
    tenant, owner = await _visitor(house)

    async with Upstream(hang) as upstream:
        sending = asyncio.create_task(
            _send(owner, "provider", provider="openai", api_key=WRONG_KEY, api_url=f"{upstream.url}/v1")
        )
        await upstream.until_requests(1)
        during = await house.parts.configs.list_configs(operator_of(tenant.tenant.id))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    after = await house.parts.configs.list_configs(operator_of(tenant.tenant.id))

    assert [config.is_default for config in during] == [False]
    assert after == []


async def test_question_that_fails_says_what_to_do_and_offers_the_script(house: House) -> None:
    _, owner = await _visitor(house)
    proof = csrf_in(await owner.get("/console"))
    said = {"csrf": proof, "provider": "openai", "api_key": WRONG_KEY, "api_url": "http://127.0.0.1:9/v1"}
    await owner.post("/console/providers/new", said)

    events = _events(await _ask(owner, provider="openai"))

    assert [name for name, _ in events] == ["end"]
    assert events[0][1]["state"] == "failed"
    assert "proxy or firewall" in events[0][1]["html"]
    assert "Ask the scripted provider instead" in events[0][1]["html"]


async def test_used_up_budget_says_where_to_raise_it(house: House) -> None:
    tenant, owner = await _visitor(house)
    operator = operator_of(tenant.tenant.id)
    await house.parts.budgets.create_budget(operator, THE_TENANT, "requests", "total", Terms(limit=0))

    end = _events(await _ask(owner))[-1][1]

    assert "A budget of yours is used up" in end["html"]
    assert 'href="/console/budgets"' in end["html"]
    assert "scripted provider instead" not in end["html"]


@pytest.mark.parametrize(
    ("question", "provider"),
    [("", "mock"), ("x" * 2001, "mock"), ("Hello?", "openai"), ("Hello?", "config:llc_1"), ("Hello?", "")],
    ids=["nothing", "too much", "not set up", "no provider's name", "nobody"],
)
async def test_question_that_cannot_be_asked_is_refused_in_words(
    house: House, question: str, provider: str
) -> None:
    _, owner = await _visitor(house)

    reply = await _ask(owner, question, provider)

    assert reply.headers["officium-error"] == "invalid_request"
    assert b"<html" not in reply.body


async def test_answer_is_escaped(house: House) -> None:
    _, owner = await _visitor(house)

    events = _events(
        await _ask(owner, '[[mock text="<img src=x onerror=alert(1)> <script>alert(2)</script>"]]')
    )

    assert "<img" not in events[0][1]["blocks"][0]
    assert "<script" not in events[0][1]["blocks"][0]


async def test_guide_is_put_away_for_good_by_one_person_and_brought_back(house: House) -> None:
    tenant, owner = await _visitor(house)
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), "other@example.com", role="admin", password=PASSWORD
    )
    other = Visitor(house.app)
    await other.sign_in("other@example.com", PASSWORD)

    hidden = await _send(owner, "hide", hidden="on")
    start = await owner.get("/console")
    still_there = await owner.get(STEPS)
    others = await other.get("/console")
    await _send(owner, "hide", hidden="off")

    assert hidden.headers["location"] == "/console"
    assert b"Needs attention" in start.body
    assert b"First steps, " not in start.body
    assert b"Show this by itself again" in still_there.body
    assert _open_step(others) == "Connect a provider"
    assert _open_step(await owner.get("/console")) == "Connect a provider"


async def test_overview_reminds_of_what_is_left_until_it_is_put_away(house: House) -> None:
    _, owner = await _visitor(house)
    await _ask(owner)

    reminded = (await owner.get("/console")).body
    await _send(owner, "hide", hidden="on")
    quiet = (await owner.get("/console")).body

    assert b"First steps, 3 left" in reminded
    assert b"First steps, " not in quiet
    assert b'href="/console/first-steps"' in quiet


@pytest.mark.parametrize(
    ("role", "sees", "does_not"),
    [
        ("member", ["Ask now", "See what it costs"], ["Connect a provider", "Make a key"]),
        ("viewer", ["Your role may look", "See what it costs"], ["Ask now", "Connect a provider"]),
    ],
)  # fmt: skip
async def test_others_get_a_shorter_page(
    house: House, role: Role, sees: list[str], does_not: list[str]
) -> None:
    _, visitor = await _visitor(house, role)

    page = (await visitor.get("/console")).body.decode()

    assert all(text in page for text in sees)
    assert not any(text in page for text in does_not)


@pytest.mark.parametrize("role", ["member", "viewer"])
@pytest.mark.parametrize("what", ["provider", "key", "widget"])
async def test_only_administrators_take_the_steps_that_set_something_up(
    house: House, role: Role, what: str
) -> None:
    tenant, visitor = await _visitor(house, role)
    operator = operator_of(tenant.tenant.id)

    refused = await _send(visitor, what, name="x", new_client="y", provider="mock")

    assert refused.status == 403
    assert await house.parts.configs.list_configs(operator) == []
    assert await house.parts.keys.list_keys(operator) == []
    assert await house.parts.clients.list_clients(operator) == []


async def test_progress_and_figures_are_those_of_the_tenant_alone(house: House) -> None:
    _, alpha = await _visitor(house)
    _, beta = await _visitor(house, name="Beta")
    await _ask(alpha)
    await _send(alpha, "widget", new_client="Bakery", name="Help")

    page = (await beta.get(STEPS)).body.decode()
    taken = await _send(beta, "widget", client="1", name="Help")

    assert "0 of 4 done" in page
    assert "Bakery" not in page
    assert '<dd data-so-far="requests">0</dd>' in page
    assert taken.status == 404
