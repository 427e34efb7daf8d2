"""Every door, every foreign credential, every id in every place: nothing is shown, and nothing is changed.

The attacks are made from `ENTRIES` of `test_isolation.py` and from the parameters in the API's description of
itself, so a new route is attacked as soon as it has its entry there. Two tenants are the victims: one that
moved in through the doors, and one with a row in every table there is. Whether an attack succeeded is not
left to its status: the victims' words must stand in no answer, and their rows must be the same afterwards.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from officium.core.tenancy import SCOPES
from officium.kit.database import ALL_TENANTS, Database
from tests.support.house import House, Resident, open_house
from tests.support.rows import fill_all, rows_of, tenant_tables
from tests.support.web import Reply, ask, description
from tests.web.test_isolation import ENTRIES, SECRETS, SHOP, Entry, _move_in, _stranger

MARK = "canary"
SILENT = "ten_silent"
"""The tenant with a row in every table. Each of its texts begins with `MARK`."""
NUMBER = 900_001
"""The ids of its rows where they are numbers: far from those that are given out."""
_ID = re.compile(r"[a-z]+[_-]\w+.{3,}")
"""What only an id looks like: many tables have words of everyone's in their keys, too."""
ROOMY = {f"rate_limit_{tier}": "off" for tier in ("chat", "general", "strict", "gateway")}
NAMES = ("tenant_id", "tenantId", "tenant", "client_id", "owner_id", "userId")
HEADERS = ("X-Tenant-ID", "X-Tenant", "X-User-ID", "If-Match", "X-Forwarded-User")


@dataclass(frozen=True)
class Attack:
    """A request that names what is another's. `said` is what it says of the victim."""

    route: str
    method: str
    path: str
    body: Any
    headers: Mapping[str, str]
    said: str

    def __str__(self) -> str:
        return f"{self.route} with {self.said!r} {dict(self.headers)} {self.path}"


@dataclass
class Town:
    """The server, the two victims, and what is theirs."""

    house: House
    alpha: Resident
    silent_rows: Mapping[str, list[Any]]

    async def rows(self) -> dict[str, Any]:
        """Every row of the victims, in all tables."""
        for name in self.house.parts.__dataclass_fields__:
            flush = getattr(getattr(self.house.parts, name), "flush", None)
            if flush is not None:
                await flush()
        found = {}
        async with self.house.parts.database.reading(ALL_TENANTS) as connection:
            for tenant_id in (self.alpha.tenant.id, SILENT):
                for table, rows in (await rows_of(connection, tenant_id)).items():
                    found[f"{table} of {tenant_id}"] = rows
        return found

    async def carry_out(self, attack: Attack, key: str | None) -> Reply:
        """Send it."""
        return await ask(
            self.house.app,
            attack.method,
            attack.path,
            attack.body,
            headers={name.lower(): value for name, value in attack.headers.items()},
            key=key,
        )


@asynccontextmanager
async def open_town(database: Database, tmp_path: Path) -> AsyncIterator[Town]:
    """A town on this database, which is empty."""
    url = database._url.render_as_string(hide_password=False)
    async with open_house(tmp_path, url, **ROOMY) as house:
        await house.parts.clockwork.close()  # what jobs change in somebody's rows would look like an attack
        alpha = await _move_in(house)
        async with house.parts.database.writing(ALL_TENANTS) as connection:
            await fill_all(connection, SILENT, MARK, NUMBER)
            silent_rows = await rows_of(connection, SILENT)
        yield Town(house, alpha, silent_rows)


@pytest.fixture
async def town(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Town]:
    """On SQLite, where nothing but the stores keeps tenants apart."""
    async with open_town(sqlite_database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def postgresql_town(postgresql_database: Database, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(postgresql_database, tmp_path) as opened:
        yield opened


@cache
def parameters() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Where each route takes something, as the API describes it: in path, query or header, by name."""
    described = description()["paths"]
    return {
        (method.upper(), path): [(each["in"], each["name"]) for each in operation.get("parameters", ())]
        for path, operations in described.items()
        for method, operation in operations.items()
    }


def plain(route: tuple[str, str], entry: Entry) -> Attack:
    """The request as the owner would make it."""
    return Attack(" ".join(route), route[0], entry.path, entry.body, {}, "")


def naming(route: tuple[str, str], entry: Entry, word: str, *, is_in_path: bool = False) -> Iterator[Attack]:
    """The route with `word` in each place where it takes anything: path, query, headers, body.

    With `is_in_path` in its path alone.
    """
    asked = replace(plain(route, entry), said=word)
    in_path, _, query = entry.path.partition("?")
    pattern = re.sub(r"\{[^}]+\}", "(.+)", route[1])
    found = re.fullmatch(pattern, in_path)
    assert found is not None, f"The entry of {route} asks for {in_path}."
    for number in range(1, len(found.groups()) + 1):
        start, end = found.span(number)
        yield replace(asked, path=f"{in_path[:start]}{quote(word, safe='')}{in_path[end:]}")
    if is_in_path:
        return
    for place, name in parameters()[route]:
        if place == "query":
            others = "&".join(part for part in query.split("&") if part and not part.startswith(f"{name}="))
            yield replace(asked, path=f"{in_path}?{others}&{name}={quote(word, safe='')}")
        elif place == "header":
            yield replace(asked, headers={name: word})
    for body in bodies_naming(entry.body, word):
        yield replace(asked, body=body)


def bodies_naming(body: Any, word: str) -> Iterator[Any]:
    """The body with `word` in place of one of its texts, each in turn."""
    if isinstance(body, str):
        yield word
    elif isinstance(body, dict):
        for name, value in body.items():
            for changed in bodies_naming(value, word):
                yield {**body, name: changed}
    elif isinstance(body, list):
        for number, value in enumerate(body):
            for changed in bodies_naming(value, word):
                yield [*body[:number], changed, *body[number + 1 :]]


def injecting(route: tuple[str, str], entry: Entry, word: str) -> Iterator[Attack]:
    """The request with a victim's id where nobody asked for them."""
    asked = plain(route, entry)
    for name in NAMES:
        glue = "&" if "?" in asked.path else "?"
        yield replace(asked, path=f"{asked.path}{glue}{name}={quote(word)}", said=word)
        if isinstance(entry.body, dict):
            yield replace(asked, body={**entry.body, name: word}, said=word)
    for name in HEADERS:
        yield replace(asked, headers={name: word}, said=word)


def unknown(word: str) -> str:
    """A word of the same shape that nobody has."""
    letters = {chr(97 + n): chr(97 + (n + 7) % 26) for n in range(26)}
    digits = {str(n): str((n + 3) % 10) for n in range(10)}
    return word.translate(str.maketrans({**letters, **digits}))


def seen(reply: Reply, canaries: list[str], attack: Attack) -> list[str]:
    """The victim's words in an answer, but for those the attacker said itself."""
    said = f"{attack.path} {msgspec.json.encode(attack.body).decode()} {dict(attack.headers)} {attack.said}"
    told = reply.body.decode("utf-8", "replace") + str(dict(reply.headers))
    return [word for word in canaries if word in told and word not in said]


async def words_of_victims(town: Town) -> tuple[list[str], list[str]]:
    """What must never be seen, and the ids to attack with: of each tenant and each table."""
    alpha_rows = {
        name: rows for name, rows in (await town.rows()).items() if name.endswith(town.alpha.tenant.id)
    }
    texts = [value for rows in town.silent_rows.values() for row in rows for value in row]
    canaries = {
        *(
            text
            for text in texts
            if isinstance(text, str) and text.startswith(f"{MARK}-") and text.endswith(str(NUMBER))
        ),
        *(*SECRETS, town.alpha.tenant.id, (await town.alpha.key())[:14]),
    }
    ids = [town.alpha.tenant.id, SILENT, str(NUMBER), (await town.alpha.key())[:14]]
    for table in tenant_tables():
        for rows in (alpha_rows[f"{table.name} of {town.alpha.tenant.id}"], town.silent_rows[table.name]):
            for column, value in zip(table.columns, rows[0] if rows else (), strict=False):
                if column.primary_key and _ID.fullmatch(str(value)) and value not in ids:
                    ids.append(value)
    said = str([(entry.path, entry.body) for entry in ENTRIES.values()])
    return sorted(word for word in canaries if word not in ids and word not in said), ids


async def test_no_id_of_another_opens_anything_in_any_place(town: Town) -> None:
    canaries, ids = await words_of_victims(town)
    before = await town.rows()

    assert await opened_by(town, canaries, ids, elsewhere=ids[:5]) == []
    assert await town.rows() == before


async def test_no_id_of_another_opens_anything_on_postgresql_either(postgresql_town: Town) -> None:
    canaries, ids = await words_of_victims(postgresql_town)
    before = await postgresql_town.rows()

    assert await opened_by(postgresql_town, canaries, ids[-3:], elsewhere=ids[:1]) == []
    assert await postgresql_town.rows() == before


async def opened_by(town: Town, canaries: list[str], ids: list[str], elsewhere: list[str]) -> list[str]:
    """What other tenants get to see with `ids` in paths, and with those for `elsewhere` in other places.

    Each route is tried by a tenant of its own, which has not stored such a word itself before.
    """
    wrong = []
    for number, (route, entry) in enumerate(ENTRIES.items()):
        key = await (await town.house.resident(f"Beta {number}")).key()
        usual: dict[int, int] = {}
        for word in ids if "{" in route[1] else elsewhere:
            is_in_path = word not in elsewhere
            controls = list(naming(route, entry, unknown(word), is_in_path=is_in_path))
            for place, attack in enumerate(naming(route, entry, word, is_in_path=is_in_path)):
                reply = await town.carry_out(attack, key)
                if reply.status != usual.get(place):
                    usual[place] = (await town.carry_out(controls[place], key)).status
                if reply.status != usual[place]:
                    wrong.append(f"{attack}: {reply.status}, but {usual[place]} for what nobody has")
                if reply.status in (429, 500) or seen(reply, canaries, attack):
                    wrong.append(f"{attack}: {reply.status} shows {seen(reply, canaries, attack)}")
    return wrong


async def test_the_name_of_another_tenant_changes_nothing_wherever_it_is_said(town: Town) -> None:
    canaries, _ = await words_of_victims(town)
    before = await town.rows()
    beta = await town.house.resident("Beta")
    key = await beta.key()
    wrong = []

    for route, entry in ENTRIES.items():
        expected = await town.carry_out(plain(route, entry), key)
        for attack in injecting(route, entry, town.alpha.tenant.id):
            reply = await town.carry_out(attack, key)
            # Whoever asks again meets what it made or deleted itself before.
            may_be = {expected.status, 400} | ({200, 201, 204, 404, 409} if route[0] != "GET" else set())
            if reply.status not in may_be:
                wrong.append(f"{attack}: {reply.status} instead of {expected.status}")
            if seen(reply, canaries, attack):
                wrong.append(f"{attack}: shows {seen(reply, canaries, attack)}")

    assert wrong == []
    assert await town.rows() == before


async def until_kept(town: Town, attack: Attack) -> Reply:
    """The request once more by who made it, as soon as the first is written down."""
    while True:
        again = await town.carry_out(attack, await town.alpha.key())
        if b"idempotency_key_in_use" not in again.body:
            return again
        await asyncio.sleep(0.002)


async def test_an_answer_is_repeated_to_whoever_got_it_and_to_nobody_else(town: Town) -> None:
    canaries, _ = await words_of_victims(town)
    beta = await town.house.resident("Beta")
    keys = [await beta.key(), await town.alpha.key("act-as")]
    wrong, repeated = [], 0

    for number, (route, entry) in enumerate(ENTRIES.items()):
        if route[0] == "GET":
            continue
        attack = replace(plain(route, entry), headers={"Idempotency-Key": f"once-{number}"})
        given = await town.carry_out(attack, await town.alpha.key())
        again = await until_kept(town, attack)
        repeated += again.headers.get("idempotent-replayed") == "true"
        for key in keys:
            reply = await town.carry_out(attack, key)
            if "idempotent-replayed" in reply.headers or seen(reply, canaries, attack):
                wrong.append(f"{attack}: {given.status}, then {reply.status}")

    assert wrong == []
    assert repeated > 3


REFUSED = {
    "no-key": 401,
    "unknown-key": 401,
    "mistyped-key": 401,
    "revoked-key": 401,
    "expired-key": 401,
    "suspended-tenant": 403,
    "widget-key": 401,
    "visitor-token": 401,
}


async def _visitor_token(town: Town) -> str:
    """The token of somebody who visits a widget of the victim's, and may ask it what visitors ask."""
    widget = (await town.alpha.ask("GET", "/api/chat-widget/widgets/1")).json
    made = await ask(
        town.house.app,
        "POST",
        f"/api/chat-widget/public/widget/{widget['widget_key']}/session",
        headers={"origin": SHOP},
        key=None,
    )
    token: str = made.json["token"]
    return token


async def test_who_has_no_right_gets_nothing_whatever_is_named(town: Town) -> None:
    canaries, _ = await words_of_victims(town)
    before = await town.rows()
    wrong = []

    for kind, status in REFUSED.items():
        public = f"{MARK}-widget_key-{NUMBER}"
        if kind == "widget-key":
            key: str | None = public
        elif kind == "visitor-token":
            key = await _visitor_token(town)
        else:
            key = await _stranger(town.house, kind)
        for route, entry in ENTRIES.items():
            for attack in [
                plain(route, entry),
                *naming(route, entry, SILENT),
                *injecting(route, entry, SILENT),
            ]:
                reply = await town.carry_out(attack, key)
                if reply.status != status or seen(reply, canaries, attack):
                    wrong.append(f"{kind}: {attack}: {reply.status} {seen(reply, canaries, attack)}")

    assert wrong == []
    assert await town.rows() == before


async def test_a_key_with_other_scopes_gets_nothing_of_its_own_tenant_either(town: Town) -> None:
    canaries, _ = await words_of_victims(town)
    # Who may act as somebody may read as a member may: configurations, without their keys.
    keys = {
        route: await town.alpha.key(*sorted(SCOPES - {"admin", "act-as", *entry.scopes}))
        for route, entry in ENTRIES.items()
        if entry.scopes
    }
    own = {"usage_log", "api_keys"}
    """What is written of whoever asks, refused or not."""
    before = await town.rows()
    wrong = []

    for route, key in keys.items():
        for attack in [plain(route, ENTRIES[route]), *injecting(route, ENTRIES[route], SILENT)]:
            reply = await town.carry_out(attack, key)
            # A body that no caller may send is refused before anybody asks who may send it.
            if reply.status not in (403, 400) or seen(reply, canaries, attack):
                wrong.append(f"{attack}: {reply.status} {seen(reply, canaries, attack)}")

    assert wrong == []
    after = await town.rows()
    assert {name: rows for name, rows in after.items() if name.split()[0] not in own} == {
        name: rows for name, rows in before.items() if name.split()[0] not in own
    }


@pytest.mark.parametrize("credential", ["nobody", "a-member", "another-member"])
async def test_what_is_a_members_is_not_another_members(town: Town, credential: str) -> None:
    """Keys that may not speak for a user, and users that are somebody else."""
    mine = {"x-user-id": "ulrike"}
    made = await town.alpha.ask(
        "POST",
        "/api/llm-config",
        {"provider": "mock", "model": "ulrikes-model"},
        scopes=["act-as", "config:write"],
        headers=mine,
    )
    assert made.status == 201
    before = (await town.rows())[f"llm_configs of {town.alpha.tenant.id}"]
    scopes = ("config:read", "config:write", "inference", "usage:read")
    key = await town.alpha.key(*scopes, *(["act-as"] if credential == "another-member" else []))
    user = {"nobody": {}, "a-member": mine, "another-member": {"x-user-id": "viktor"}}[credential]
    ids = [made.json["id"], made.json["userId"]]
    wrong = []

    for route, entry in ENTRIES.items():
        for word in ids:
            for attack in naming(route, entry, word):
                if not set(entry.scopes) & set(scopes) or ("header", "X-User-ID") not in parameters()[route]:
                    continue
                reply = await town.carry_out(replace(attack, headers={**attack.headers, **user}), key)
                if b"ulrikes-model" in reply.body and "ulrikes-model" not in str(attack.body):
                    wrong.append(f"{attack} as {user}: {reply.status}")

    assert wrong == []
    after = (await town.rows())[f"llm_configs of {town.alpha.tenant.id}"]
    assert [row for row in before if row not in after and made.json["id"] in row] == []
