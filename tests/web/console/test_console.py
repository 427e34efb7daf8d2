"""The console's doors: who gets in, what they are sent, and what is refused."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.web.console.assets import FILES, Assets
from officium.web.console.frame import POLICY
from officium.web.console.texts import ENGLISH, english
from officium.web.tiers import TIERS
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.web import ask

TEMPLATES = Path(__file__).parents[3] / "src" / "officium" / "web" / "console" / "templates"
ADA = "ada@example.com"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _move_in(house: House, role: Role = "admin", email: str = ADA, name: str = "Alpha") -> Resident:
    tenant = await house.resident(name)
    await house.parts.members.create_member(
        operator_of(tenant.tenant.id), email, role=role, password=PASSWORD
    )
    return tenant


async def _signed_in(house: House, email: str = ADA) -> Visitor:
    visitor = Visitor(house.app)
    reply = await visitor.sign_in(email, PASSWORD)
    assert (reply.status, reply.headers["location"]) == (303, "/console")
    return visitor


async def test_installation_without_people_says_how_to_make_one(house: House) -> None:
    page = await Visitor(house.app).get("/console/sign-in")

    assert b"officium member create" in page.body


@pytest.mark.parametrize("path", ["/console", "/console/password", "/console/nothing/at/all?x=1"])
async def test_stranger_is_sent_to_sign_in_and_comes_back(house: House, path: str) -> None:
    await _move_in(house)

    reply = await Visitor(house.app).get(path)

    assert reply.status == 303
    assert reply.headers["location"].startswith("/console/sign-in")
    assert ("next=" in reply.headers["location"]) == (path != "/console")
    assert reply.body == b""


@pytest.mark.parametrize("path", ["/console", "/console/password"])
async def test_key_opens_no_page(house: House, path: str) -> None:
    tenant = await _move_in(house)

    reply = await tenant.ask("GET", path)

    assert reply.status == 303


async def test_whoever_signs_in_sees_their_tenant_and_no_other(house: House) -> None:
    await _move_in(house)
    await _move_in(house, email="eve@example.com", name="Beta")

    page = await (await _signed_in(house)).get("/console")

    assert page.status == 200
    assert b"Alpha" in page.body
    assert b"Beta" not in page.body
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["cache-control"] == "no-store"


async def test_wrong_password_is_told_without_saying_what_was_wrong(house: House) -> None:
    await _move_in(house)

    wrong = await Visitor(house.app).sign_in(ADA, "not the password")
    nobody = await Visitor(house.app).sign_in("nobody@example.com", "not the password")

    assert (wrong.status, nobody.status) == (401, 401)
    told = [
        re.search(r'id="fault">.*?<span [^>]*>(.*?)</span>', page.body.decode()) for page in (wrong, nobody)
    ]
    assert told[0] is not None
    assert told[1] is not None
    assert told[0][1] == told[1][1]


async def test_too_many_tries_are_told_when_to_come_back(house: House) -> None:
    await _move_in(house)
    visitor = Visitor(house.app)
    for _ in range(8):
        assert (await visitor.sign_in(ADA, "not the password")).status == 401

    reply = await visitor.sign_in(ADA, PASSWORD)

    assert reply.status == 429
    assert int(reply.headers["retry-after"]) > 0


async def test_sign_in_gives_a_new_cookie_that_scripts_cannot_read(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)
    old = visitor.cookies["officium"]

    page = await visitor.get("/console")
    again = await visitor.post(
        "/console/sign-in", {"email": ADA, "password": PASSWORD, "csrf": "x", "next": "/console"}
    )

    assert again.status == 403  # the form of the sign-in page carries a proof of its own
    assert old.encode() not in page.body
    line = (await Visitor(house.app).sign_in(ADA, PASSWORD)).headers["set-cookie"]
    assert "HttpOnly" in line or "officium-form" in line


async def test_over_https_the_cookie_is_bound_to_the_host(house: House) -> None:
    await _move_in(house)
    visitor = Visitor(house.app)
    page = await visitor.get("/console/sign-in")

    await visitor.post(
        "/console/sign-in",
        {"email": ADA, "password": PASSWORD, "csrf": csrf_in(page)},
        origin="https://console.example",
    )

    assert "__Host-officium" in visitor.cookies
    assert (await visitor.get("/console")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/console/../x",
        "/\\evil",
        "/consolex",
        "/console\n",
        "/docs",
    ],
)
async def test_sign_in_leads_nowhere_else(house: House, path: str) -> None:
    await _move_in(house)
    visitor = Visitor(house.app)
    proof = csrf_in(await visitor.get("/console/sign-in"))

    reply = await visitor.post(
        "/console/sign-in", {"email": ADA, "password": PASSWORD, "csrf": proof, "next": path}
    )

    assert reply.status == 303
    assert reply.headers["location"] in ("/console", "/console/../x")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "x-csrf-token": "right"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "x-csrf-token": "0" * 64},
    ],
    ids=["cross-site", "same-site", "typed", "cross-site-with-proof", "without-proof", "wrong-proof"],
)
@pytest.mark.parametrize(
    "path", ["/console/sign-out", "/console/first-steps/ask", "/console/password", "/api/llm-config"]
)
async def test_nothing_changes_unless_our_own_page_asks(
    house: House, path: str, headers: dict[str, str]
) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)
    proof = csrf_in(await visitor.get("/console"))
    sent = {**headers, **({"x-csrf-token": proof} if headers.get("x-csrf-token") == "right" else {})}

    reply = await visitor.send("POST", path, {"provider": "mock"}, sent)

    assert reply.status == 403
    assert (await visitor.get("/console")).status == 200


async def test_our_own_page_may_use_the_api_as_the_person_who_is_signed_in(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)
    proof = csrf_in(await visitor.get("/console"))
    ours = {"sec-fetch-site": "same-origin", "x-csrf-token": proof}

    read = await visitor.send("GET", "/api/llm-config", headers={"sec-fetch-site": "same-origin"})
    made = await visitor.send("POST", "/api/llm-config", {"provider": "mock"}, ours)
    foreign = await visitor.send("GET", "/api/llm-config", headers={"sec-fetch-site": "cross-site"})
    gateway = await visitor.send("GET", "/v1/models", headers={"sec-fetch-site": "same-origin"})

    assert (read.status, made.status, foreign.status, gateway.status) == (200, 201, 403, 401)


async def test_over_plain_http_the_origin_is_what_counts(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)
    proof = csrf_in(await visitor.get("/console"))

    ours = {"origin": "http://box.lan:8000", "host": "box.lan:8000", "x-csrf-token": proof}
    made = await visitor.send("POST", "/api/llm-config", {"provider": "mock"}, ours)
    foreign = await visitor.send(
        "POST", "/api/llm-config", {"provider": "mock"}, {**ours, "origin": "http://evil.lan:8000"}
    )
    silent = await visitor.send(
        "POST", "/api/llm-config", {"provider": "mock"}, {"x-csrf-token": proof, "host": "box.lan:8000"}
    )

    assert (made.status, foreign.status, silent.status) == (201, 403, 403)


async def test_token_of_a_session_is_no_bearer_token(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)

    reply = await ask(house.app, "GET", "/api/llm-config", key=visitor.cookies["officium"])

    assert reply.status == 401


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("member", 403), ("viewer", 403)], ids=str
)
async def test_people_may_do_what_their_role_allows(house: House, role: Role, status: int) -> None:
    await _move_in(house, role)
    visitor = await _signed_in(house)
    page = await visitor.get("/console")

    reply = await visitor.get("/api/audit-log", sec_fetch_site="same-origin")

    assert reply.status == status
    assert (b"Ask now" in page.body) == (role != "viewer")


async def test_person_of_another_tenant_reaches_nothing_of_the_first(house: House) -> None:
    alpha = await _move_in(house)
    await _move_in(house, email="eve@example.com", name="Beta")
    await alpha.ask("PUT", "/api/model-aliases/alpha-alias", {"targets": ["mock"]})
    visitor = await _signed_in(house, "eve@example.com")

    page = await visitor.get("/console")
    read = await visitor.get("/api/model-aliases", sec_fetch_site="same-origin")
    deleted = await visitor.send(
        "DELETE",
        "/api/model-aliases/alpha-alias",
        headers={"sec-fetch-site": "same-origin", "x-csrf-token": csrf_in(page)},
    )

    assert read.json == {"aliases": []}
    assert deleted.status == 404


async def test_sign_out_ends_the_session_also_for_who_kept_the_cookie(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)
    kept = dict(visitor.cookies)

    reply = await visitor.post("/console/sign-out", {"csrf": csrf_in(await visitor.get("/console"))})
    visitor.cookies = kept
    after = await visitor.get("/console")

    assert (reply.status, after.status) == (303, 303)
    assert after.headers["location"] == "/console/sign-in"


async def test_password_made_by_somebody_else_is_changed_first(house: House) -> None:
    tenant = await house.resident("Alpha")
    made = await house.parts.members.create_member(operator_of(tenant.tenant.id), ADA)
    visitor = Visitor(house.app)
    await visitor.sign_in(ADA, made.password or "")

    sent_on = await visitor.get("/console")
    proof = csrf_in(await visitor.get("/console/password"))
    refused = await visitor.post("/console/password", {"csrf": proof, "old": made.password or "", "new": "a"})
    changed = await visitor.post(
        "/console/password", {"csrf": proof, "old": made.password or "", "new": PASSWORD}
    )

    assert sent_on.headers["location"] == "/console/password"
    assert refused.status == 400
    assert (changed.status, changed.headers["location"]) == (303, "/console")
    assert b"Your password is changed" in (await visitor.get("/console")).body
    assert b"Your password is changed" not in (await visitor.get("/console")).body


async def test_faults_are_pages_within_the_frame(house: House) -> None:
    await _move_in(house)
    visitor = await _signed_in(house)

    missing = await visitor.get("/console/nothing")
    too_much = await visitor.post("/console/password", {"csrf": "x" * 20_000})

    assert (missing.status, too_much.status) == (404, 413)
    assert b"There is nothing here" in missing.body
    assert b'class="frame"' in missing.body


async def test_files_are_compressed_and_kept_for_ever_under_a_name_that_changes_with_them(
    house: House,
) -> None:
    await _move_in(house)
    page = await Visitor(house.app).get("/console/sign-in")
    paths = set(re.findall(r'(?:href|src)="(/console/assets/[^"#]+)', page.body.decode()))

    for path in paths:
        packed = await Visitor(house.app).get(path, accept_encoding="gzip, br")
        plain = await Visitor(house.app).get(path)

        assert "immutable" in packed.headers["cache-control"]
        assert gzip.decompress(packed.body) == plain.body
    assert (await Visitor(house.app).get("/console/assets/console.css")).status == 404
    assert (await Visitor(house.app).get("/console/assets/..%2f..%2fapp.py")).status in (303, 404)


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_everything_a_page_loads_is_within_its_budget(template: str) -> None:
    assets = Assets()
    loaded = {"icons.svg", *_files_named_in(template)}
    sizes = [
        len(found.gzipped) for name in loaded if (found := assets.find(assets.path(name).split("/")[-1]))
    ]

    assert len(sizes) == len(loaded) <= 14
    assert sum(sizes) <= 170_000


def _files_named_in(template: str) -> set[str]:
    """What the template and those it is built on ask for."""
    source = (TEMPLATES / template).read_text("utf-8")
    named = set(re.findall(r"asset\('([^']+)'\)", source))
    for parent in re.findall(r'extends "([^"]+)"', source):
        named |= _files_named_in(parent)
    return named


def test_every_file_of_our_own_is_one_that_some_page_loads() -> None:
    named = {name for path in TEMPLATES.glob("*.html") for name in _files_named_in(path.name)}

    assert set(FILES) == named | {"icons.svg", "tabler.rtl.css"}


@pytest.mark.parametrize(("method", "path"), sorted(route for route in TIERS if "/console" in route[1]))
async def test_every_route_is_closed_to_strangers_keys_and_other_sites(
    house: House, method: str, path: str
) -> None:
    tenant = await _move_in(house)
    visitor = await _signed_in(house)
    here = re.sub(r"\{\w+\}", "1", path)
    if here in ("/console/sign-in", "/console/assets/1"):
        pytest.skip("These are for everybody.")

    stranger = await Visitor(house.app).send(method, here, headers={"sec-fetch-site": "same-origin"})
    machine = await tenant.ask(method, here)
    elsewhere = await visitor.send(method, here, headers={"sec-fetch-site": "cross-site"})
    forged = await visitor.send(method, here, headers={"sec-fetch-site": "same-origin"})

    assert (stranger.status, machine.status) == (303, 303)
    assert stranger.headers["location"].startswith("/console/sign-in")
    if method != "GET":
        assert (elsewhere.status, forged.status) == (403, 403)


def test_templates_hold_no_script_no_style_and_no_text_of_their_own() -> None:
    for path in TEMPLATES.rglob("*.html"):
        source = path.read_text("utf-8")

        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:|\|\s*safe\b|autoescape", source), (
            path.name
        )
        assert not re.search(r"<script(?![^>]* src=)", source), path.name


def test_every_text_is_used_and_every_text_that_is_used_exists() -> None:
    sources = [path.read_text("utf-8") for path in TEMPLATES.rglob("*.html")]
    sources += [
        path.read_text("utf-8") for path in TEMPLATES.parent.rglob("*.py") if "texts" not in path.parts
    ]
    whole = {key for source in sources for key in re.findall(r'["\']([a-z_]+(?:\.[a-z0-9_]+)+)["\']', source)}
    beginnings = {
        start for source in sources for start in re.findall(r't\("([a-z_]+(?:\.[a-z_0-9]+)*\.)" ~', source)
    } | {"error."}
    beginnings |= {start for source in sources for start in re.findall(r'say\(f"([a-z_.]+\.)\{', source)}

    unused = {
        key for key in ENGLISH if key not in whole and not key.startswith(tuple(beginnings)) and "." in key
    }
    used = {key for source in sources for key in re.findall(r'\bt\(["\']([^"\']+)["\'][,)]', source)}

    assert unused == set()
    assert used <= set(ENGLISH)


def test_no_text_stands_in_two_files() -> None:
    files = [module.TEXTS for module in vars(english).values() if hasattr(module, "TEXTS")]

    assert sum(map(len, files)) == len(ENGLISH)
