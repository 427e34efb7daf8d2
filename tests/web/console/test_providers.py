"""Configurations of providers in the console: kept, changed, checked, and nobody else's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, role: Role = "admin", name: str = "Alpha") -> Visitor:
    tenant = await house.resident(name)
    email = f"{name}@example.com".lower()
    operator = operator_of(tenant.tenant.id)
    await house.parts.members.create_member(operator, email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def test_configuration_is_made_changed_checked_and_deleted(house: House) -> None:
    visitor = await _visitor(house)
    stranger = await _visitor(house, name="Beta")
    empty = await visitor.get("/console/providers")
    proof = csrf_in(empty)
    said = {"csrf": proof, "provider": "openai", "model": "gpt-6-mini", "is_default": "on"}

    keyless = await visitor.post("/console/providers/new", said)
    inside = await visitor.post(
        "/console/providers/new", {**said, "api_key": KEY, "api_url": "http://127.0.0.1:9/v1"}
    )
    made = await visitor.post("/console/providers/new", {**said, "api_key": KEY})
    path = made.headers["location"]
    page = (await visitor.get(path)).body.decode()
    changed = await visitor.post(path, {**said, "model": "gpt-6", "version": "1"})
    stale = await visitor.post(path, {**said, "model": "gpt-7", "version": "1"})
    strangers = [
        (await stranger.get(path)).status,
        (await stranger.post(f"{path}/delete", {"csrf": csrf_in(await stranger.get("/console"))})).status,
    ]
    listed = (await visitor.get("/console/providers")).body.decode()
    deleted = await visitor.post(f"{path}/delete", {"csrf": proof})

    assert b"No configuration yet" in empty.body
    assert (keyless.status, inside.status) == (400, 400)
    assert b"needs a key" in keyless.body
    assert b'aria-invalid="true"' in inside.body
    assert KEY.encode() not in keyless.body + inside.body
    assert made.status == 303
    assert "cdef" in page
    assert KEY not in page
    assert changed.status == 303
    assert stale.status == 409
    assert b"Somebody changed this configuration" in stale.body
    assert re.search(r"gpt-6\b", listed)
    assert strangers == [404, 404]
    assert deleted.headers["location"] == "/console/providers"
    assert (await visitor.get(path)).status == 404


async def test_configuration_is_switched_off_and_the_page_says_who_answers(house: House) -> None:
    visitor = await _visitor(house)
    stranger = await _visitor(house, name="Beta")
    proof = csrf_in(await visitor.get("/console/providers"))
    said = {"csrf": proof, "provider": "openai", "model": "gpt-6-mini", "is_default": "on", "api_key": KEY}
    path = (await visitor.post("/console/providers/new", said)).headers["location"]
    switch = {"csrf": proof, "enabled": "no", "version": "1"}

    before = (await visitor.get(path)).body.decode()
    off = await visitor.post(f"{path}/enabled", switch)
    page = (await visitor.get(path)).body.decode()
    listed = (await visitor.get("/console/providers")).body.decode()
    checked = await visitor.post(f"{path}/check", x_csrf_token=proof, hx_request="true")
    stale = await visitor.post(f"{path}/enabled", {**switch, "enabled": "yes"})
    theirs = await stranger.post(
        f"{path}/enabled", {**switch, "csrf": csrf_in(await stranger.get("/console/providers"))}
    )
    on = await visitor.post(f"{path}/enabled", {**switch, "enabled": "yes", "version": "2"})

    assert before.count("by this configuration") == 2
    assert (off.status, on.status, stale.status, theirs.status) == (303, 303, 409, 404)
    assert "it is kept as it is, and answers nobody" in page
    assert "by what this installation is set up with" in page
    assert "OPENAI_API_KEY not configured" in page
    assert "Switched off" in listed
    assert b"Switch it on, then try it" in checked.body
    assert b"Somebody changed this configuration" in stale.body
    assert "by this configuration" in (await visitor.get(path)).body.decode()


async def test_health_check_says_what_the_provider_says(house: House) -> None:
    visitor = await _visitor(house)
    proof = csrf_in(await visitor.get("/console/providers"))
    made = await visitor.post("/console/providers/new", {"csrf": proof, "provider": "mock"})

    reply = await visitor.post(f"{made.headers['location']}/check", x_csrf_token=proof, hx_request="true")

    assert b"It works" in reply.body
    assert b"<html" not in reply.body


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_others_look_and_change_nothing(house: House, role: Role) -> None:
    visitor = await _visitor(house, role)
    proof = csrf_in(await visitor.get("/console/providers"))

    made = await visitor.post("/console/providers/new", {"csrf": proof, "provider": "mock"})
    switched = await visitor.post("/console/providers/llc_1/enabled", {"csrf": proof, "enabled": "no"})

    assert switched.status == 403
    assert b"Add a configuration" not in (await visitor.get("/console/providers")).body
    assert (await visitor.get("/console/providers/new")).status == 403
    assert made.status == 403


async def test_models_tell_their_price_and_their_end(house: House) -> None:
    visitor = await _visitor(house)

    page = (await visitor.get("/console/providers/models?q=mixtral")).body.decode()

    assert "groq/mixtral-8x7b-32768" in page
    assert "Ended 2025-03-20" in page
    assert "claude" not in page
    nothing = (await visitor.get("/console/providers/models?q=zzz")).body.decode()
    assert "Nothing is called like “zzz”." in nothing
