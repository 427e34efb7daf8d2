"""Prices, names and allowed models in the console: kept, changed, and nobody else's."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from officium.core.gateway.policy import OPERATOR
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.records import a_record

PRICES, ALIASES, ALLOWED = (f"/console/providers/{name}" for name in ("prices", "aliases", "allowed"))
ALWAYS = "1970-01-01T00:00:00+00:00"
PRICE = {"provider": "openai", "model": "gpt-6*", "input": "2", "output": "10", "cached": "0.20"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


class Person(Visitor):
    """Somebody who is signed in; forms they send carry the proof of origin."""

    tenant_id = ""
    proof = ""

    async def send_form(self, path: str, **fields: str) -> int:
        return (await self.post(path, {"csrf": self.proof, **fields})).status

    async def text(self, path: str) -> str:
        return html.unescape((await self.get(path)).body.decode())


async def _person(house: House, role: Role = "admin", tenant_id: str | None = None) -> Person:
    if tenant_id is None:
        tenant_id = (await house.resident(f"Tenant of {role}")).tenant.id
    email = f"{role}-{tenant_id}@example.com".lower()
    await house.parts.members.create_member(
        operator_of(tenant_id), email, name=f"The {role}", role=role, password=PASSWORD
    )
    person = Person(house.app)
    await person.sign_in(email, PASSWORD)
    person.proof, person.tenant_id = csrf_in(await person.get("/console")), tenant_id
    return person


def _first_edit(page: str, root: str) -> str:
    found = re.search(rf'href="({root}/edit\?[^"]+)"', page)
    assert found is not None, page
    return found[1]


async def test_price_is_added_changed_found_and_removed(house: House) -> None:
    admin = await _person(house)
    empty = await admin.text(PRICES)

    made = await admin.send_form(f"{PRICES}/edit", **PRICE)
    listed = await admin.text(PRICES)
    edit = _first_edit(listed, PRICES)
    form = await admin.text(edit)
    begins = re.search(r'name="begins" value="([^"]+)"', form)
    assert begins is not None
    changed = await admin.send_form(f"{PRICES}/edit", **{**PRICE, "input": "3"}, begins=begins[1])
    again = await admin.text(PRICES)
    models = await admin.text("/console/providers/models?q=openai/gpt-6")
    audit = await admin.text("/console/audit")
    removed = await admin.send_form(f"{PRICES}/delete", provider="openai", model="gpt-6*", begins=begins[1])

    assert "No price of your own yet" in empty
    assert (made, changed, removed) == (303, 303, 303)
    assert all(part in listed for part in ("openai/gpt-6*", "cached input 0.2", "always", "The admin"))
    assert 'value="10"' in form
    assert again.count("openai/gpt-6*</bdi>") == 1
    assert '<td class="number">3</td>' in again
    assert "Your own price" in models
    assert "price.set" in audit
    assert "No price of your own yet" in await admin.text(PRICES)


async def test_price_from_a_day_stands_beside_the_one_before(house: House) -> None:
    admin = await _person(house)
    coming = (datetime.now(UTC) + timedelta(days=40)).strftime("%Y-%m-%d")

    await admin.send_form(f"{PRICES}/edit", **PRICE)
    await admin.send_form(f"{PRICES}/edit", **{**PRICE, "input": "4"}, day=coming)
    page = (await admin.text(PRICES)).replace("\u2066", "").replace("\u2069", "")

    assert ">To come<" in page
    assert f"until {coming} 00:00:00" in page
    assert f"since {coming} 00:00:00" in page
    assert "openai/gpt-6*" not in await admin.text(f"{PRICES}?q=groq")
    assert "openai/gpt-6*" in await admin.text(f"{PRICES}?q=GPT-6")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        pytest.param("provider", "nobody", id="provider"),
        pytest.param("model", "a*b", id="model"),
        pytest.param("input", "1,5", id="amount"),
        pytest.param("output", "", id="missing-amount"),
        pytest.param("per_call", "-1", id="negative"),
        pytest.param("day", "tomorrow", id="day"),
    ],
)
async def test_faulty_price_is_told_beside_what_was_said(house: House, field: str, said: str) -> None:
    admin = await _person(house)

    reply = await admin.post(f"{PRICES}/edit", {"csrf": admin.proof, **PRICE, field: said})

    assert reply.status == 400
    assert b'aria-invalid="true"' in reply.body
    assert b'value="0.20"' in reply.body
    assert "No price of your own yet" in await admin.text(PRICES)


async def test_what_was_called_without_a_price_is_listed_until_it_has_one(house: House) -> None:
    admin, stranger = await _person(house), await _person(house, "owner")
    for number, changes in enumerate(
        (
            {"provider": "fireworks", "model": "nobody-knows", "price_source": "flat"},
            {"provider": "openai", "model": "gpt-4o-mini"},
            {
                "attempt": 0,
                "provider": None,
                "model": None,
                "status": "refused",
                "error_code": "price_unknown",
            },
        )
    ):
        house.parts.usage_log.append(
            a_record(
                tenant_id=admin.tenant_id,
                request_id=f"req_{number}",
                created_at=datetime.now(UTC),
                **changes,
            )
        )
    await house.parts.usage_log.flush()

    page, theirs = await admin.text(PRICES), await stranger.text(PRICES)
    edit = _first_edit(page[page.index('id="unpriced"') :], PRICES)
    form = await admin.text(edit)
    await admin.send_form(f"{PRICES}/edit", **{**PRICE, "provider": "fireworks", "model": "nobody-knows"})
    after = await admin.text(PRICES)

    assert "fireworks/nobody-knows" in page
    assert "Unknown, a flat rate" in page
    assert "nobody knows the price: 1" in page
    assert "openai/gpt-4o-mini" not in page
    assert "Whatever you called has a price" in theirs
    assert 'value="nobody-knows"' in form
    assert "Whatever you called has a price" in after


async def test_name_is_added_changed_and_removed_and_says_who_answers(house: House) -> None:
    admin = await _person(house)
    edit = f"{ALIASES}/edit"

    made = await admin.send_form(edit, new="yes", name="fast", targets="mock/scripted\nopenai/gpt-6")
    twice = await admin.post(
        edit, {"csrf": admin.proof, "new": "yes", "name": "fast", "targets": "mock/other"}
    )
    bad = await admin.post(edit, {"csrf": admin.proof, "name": "fast", "targets": "nobody/knows"})
    page = await admin.text(ALIASES)
    form = await admin.text(_first_edit(page, ALIASES))
    changed = await admin.send_form(edit, name="fast", targets="openai/gpt-6")
    after = await admin.text(ALIASES)
    removed = await admin.send_form(f"{ALIASES}/delete", name="fast")

    assert (made, twice.status, bad.status, changed, removed) == (303, 400, 400, 303, 303)
    assert b"There is this name already" in twice.body
    assert b'aria-invalid="true"' in bad.body
    assert "mock/scripted\nopenai/gpt-6</textarea>" in form
    assert "<bdi>openai/gpt-6</bdi>" in page
    assert "OPENAI_API_KEY not configured" in after
    assert (await admin.get(f"{edit}?name=fast")).status == 404


async def test_allowed_models_are_kept_for_everybody_keys_and_people(house: House) -> None:
    admin = await _person(house)
    edit = f"{ALLOWED}/edit"
    empty = await admin.text(ALLOWED)

    made = await admin.send_form(edit, new="yes", subject="tenant", allowed="mock/*\nclaude/*")
    nothing = await admin.post(edit, {"csrf": admin.proof, "subject": "tenant", "allowed": " \n"})
    both = await admin.send_form(edit, subject="tenant", allowed="mock/*", none="on")
    twice = await admin.send_form(edit, new="yes", subject="tenant", allowed="groq/*")
    page = await admin.text(ALLOWED)
    closed = await admin.send_form(edit, subject="tenant", none="on")
    shut = await admin.text(ALLOWED)
    removed = await admin.send_form(f"{ALLOWED}/delete", subject="tenant")

    assert "Everybody may use every model" in empty
    assert (made, nothing.status, both, twice, closed, removed) == (303, 400, 400, 400, 303, 303)
    assert "<bdi>anthropic/*</bdi>" in page
    assert "No model" in shut
    assert "Everybody may use every model" in await admin.text(ALLOWED)


async def test_what_the_operator_allows_is_shown_and_fixed(house: House) -> None:
    admin = await _person(house)
    await house.parts.policies.set_policy(operator_of(admin.tenant_id), OPERATOR, ["mock/*"])

    page = await admin.text(ALLOWED)
    removed = await admin.send_form(f"{ALLOWED}/delete", subject=OPERATOR)
    changed = await admin.send_form(f"{ALLOWED}/edit", subject=OPERATOR, allowed="*")

    assert "Everybody, by the operator" in page
    assert "/allowed/edit?" not in page
    assert (removed, changed) == (403, 403)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_others_look_and_change_nothing(house: House, role: Role) -> None:
    admin = await _person(house)
    reader = await _person(house, role, admin.tenant_id)
    await admin.send_form(f"{PRICES}/edit", **PRICE)
    await admin.send_form(f"{ALIASES}/edit", new="yes", name="fast", targets="mock/scripted")
    await admin.send_form(f"{ALLOWED}/edit", new="yes", subject="tenant", allowed="mock/*")
    await admin.send_form(f"{ALLOWED}/edit", new="yes", subject="member:somebody", allowed="mock/secret")

    pages = [await reader.text(path) for path in (PRICES, ALIASES, ALLOWED)]
    forms = [(await reader.get(f"{path}/edit")).status for path in (PRICES, ALIASES, ALLOWED)]
    sent = [
        await reader.send_form(f"{PRICES}/edit", **PRICE),
        await reader.send_form(f"{PRICES}/delete", provider="openai", model="gpt-6*", begins=ALWAYS),
        await reader.send_form(f"{ALIASES}/edit", name="fast", targets="mock/other"),
        await reader.send_form(f"{ALIASES}/delete", name="fast"),
        await reader.send_form(f"{ALLOWED}/edit", subject="tenant", allowed="*"),
        await reader.send_form(f"{ALLOWED}/delete", subject="tenant"),
    ]

    assert "openai/gpt-6*" in pages[0]
    assert "fast" in pages[1]
    assert "mock/*" in pages[2]
    assert "mock/secret" not in pages[2]
    assert all("/edit" not in page for page in pages)
    assert forms == [403] * 3
    assert sent == [403] * 6


async def test_nothing_of_another_tenant_is_seen_or_changed(house: House) -> None:
    admin, stranger = await _person(house), await _person(house, "owner")
    await admin.send_form(f"{PRICES}/edit", **PRICE)
    await admin.send_form(f"{ALIASES}/edit", new="yes", name="fast", targets="mock/scripted")
    await admin.send_form(f"{ALLOWED}/edit", new="yes", subject="tenant", allowed="mock/*")
    edits = [_first_edit(await admin.text(path), path) for path in (PRICES, ALIASES, ALLOWED)]

    seen = "".join([await stranger.text(path) for path in (PRICES, ALIASES, ALLOWED)])
    opened = [(await stranger.get(edit)).status for edit in edits]
    removed = [
        await stranger.send_form(f"{PRICES}/delete", provider="openai", model="gpt-6*", begins=ALWAYS),
        await stranger.send_form(f"{ALIASES}/delete", name="fast"),
        await stranger.send_form(f"{ALLOWED}/delete", subject="tenant"),
    ]

    assert not re.search(r"gpt-6|>fast<|mock/", seen)
    assert opened == [404] * 3
    assert removed == [404] * 3


async def test_rules_are_made_stricter_and_never_looser(house: House) -> None:
    admin, stranger = await _person(house), await _person(house, "owner")
    reader = await _person(house, "viewer", admin.tenant_id)
    rules = "/console/providers/rules"

    before = await admin.text(rules)
    looser = await admin.post(rules, {"csrf": admin.proof, "retired": "try", "unknown_price": ""})
    saved = await admin.send_form(rules, retired="refuse", unknown_price="ceiling")
    after, theirs, seen = await admin.text(rules), await stranger.text(rules), await reader.text(rules)

    assert "It is asked all the same" not in before
    assert looser.status == 400
    assert b"not looser" in looser.body
    assert saved == 303
    assert "Changed by The admin" in after
    assert "<strong>It costs the operator's ceiling</strong>" in after
    assert "<strong>It costs a flat rate</strong>" in theirs
    assert 'value="refuse" checked disabled' in seen
    assert await reader.send_form(rules, retired="") == 403
    assert await admin.send_form(rules) == 303
    assert "<strong>It costs a flat rate</strong>" in await admin.text(rules)
