"""Everything in one file, under Settings: asked for, watched, taken, deleted; by owners alone."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house

ROOT = "/console/settings/exports"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        await house.parts.clockwork.close()  # the job runs when the test says so
        yield house


async def _visitor(house: House, role: Role = "owner", name: str = "Alpha") -> Visitor:
    tenant = await house.resident(name)
    operator, client_id = operator_of(tenant.tenant.id), None
    if role == "client":
        client_id = (await house.parts.clients.create_client(operator, "Bakery")).id
    email = f"{name}@example.com".lower()
    await house.parts.members.create_member(
        operator, email, role=role, password=PASSWORD, client_id=client_id
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def test_owner_takes_everything_along(house: House) -> None:
    visitor, stranger = await _visitor(house), await _visitor(house, name="Beta")
    before = await visitor.get("/console/settings")
    proof = csrf_in(before)

    asked = await visitor.post(ROOT, {"csrf": proof})
    again = await visitor.post(ROOT, {"csrf": proof})
    watched = (await visitor.get(ROOT, hx_request="true")).body.decode()
    await house.parts.exports.run()
    ready = (await visitor.get("/console/settings")).body.decode()
    found = re.search(rf'href="({ROOT}/exp_\w+)"', ready)
    assert found is not None
    path = found[1]
    file = await visitor.get(path)
    theirs = [
        (await stranger.get(path)).status,
        (
            await stranger.post(f"{path}/delete", {"csrf": csrf_in(await stranger.get("/console/settings"))})
        ).status,
    ]
    deleted = await visitor.post(f"{path}/delete", {"csrf": proof})

    assert b"Everything in one file" in before.body
    assert (asked.status, again.status, deleted.status) == (303, 409, 303)
    assert 'data-hx-trigger="every 2s"' in watched
    assert "Waiting" in watched
    assert "every 2s" not in ready
    assert file.headers["content-type"] == "application/zip"
    assert re.fullmatch(
        r'attachment; filename="officium-ten_\w+-\d{4}-\d\d-\d\d\.zip"', file.headers["content-disposition"]
    )
    assert file.headers["cache-control"] == "no-store"
    assert int(file.headers["content-length"]) == len(file.body)
    with zipfile.ZipFile(io.BytesIO(file.body)) as packed:
        assert b'"email":"alpha@example.com"' in packed.read("data/members.jsonl")
        assert PASSWORD.encode() not in b"".join(packed.read(name) for name in packed.namelist())
    assert theirs == [404, 404]
    assert (await visitor.get(path)).status == 404


@pytest.mark.parametrize("role", ["admin", "member", "viewer", "client"])
async def test_nobody_else_sees_or_asks_for_it(house: House, role: Role) -> None:
    visitor = await _visitor(house, role)
    page = await visitor.get("/console/settings")
    proof = csrf_in(page)

    statuses = [
        (await visitor.get(ROOT)).status,
        (await visitor.post(ROOT, {"csrf": proof})).status,
        (await visitor.get(f"{ROOT}/exp_1")).status,
        (await visitor.post(f"{ROOT}/exp_1/delete", {"csrf": proof})).status,
    ]

    assert page.status == 200
    assert b"Everything in one file" not in page.body
    assert statuses == [403] * 4
