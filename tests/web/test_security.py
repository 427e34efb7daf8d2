"""What an attacker sends, and what must hold of every answer whatever was sent.

Every answer here goes through `Fortress.ask`, which looks at it as a whole: no header may be broken in two,
no body may tell of our insides, and none of the secrets this server was given may stand in it.
"""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import officium.main
from officium.cli import main as command_line
from officium.core.gateway import CallTelemetry
from officium.kit.database import Database
from officium.kit.logs import configure_logs
from officium.web.caller import read_headers
from tests.support.house import House, Resident, open_house
from tests.support.provider import FakeProvider, fake_provider
from tests.support.provider import Reply as Answer
from tests.support.server import running_server
from tests.support.web import Client, Reply
from tests.web.test_isolation import ENTRIES, HELLO, OPEN, TARGET, _move_in
from tests.web.test_isolation_generated import ROOMY, naming, plain, unknown

PROVIDER_KEY = "canaryproviderkey"
SERVER_SECRET = "canaryserversecret" * 2
METRICS_TOKEN = "canarymetricstoken"
DATABASE_PASSWORD = "canarydatabasepassword"
REDIS_PASSWORD = "canaryredispassword"
SECRETS = (PROVIDER_KEY, SERVER_SECRET, METRICS_TOKEN, DATABASE_PASSWORD, REDIS_PASSWORD)
"""They look like no key, so that nothing can blot them out by their look."""

INSIDES = (
    "Traceback",
    'File "',
    "site-packages",
    "src/officium",
    "sqlalchemy",
    "asyncpg",
    "sqlite3",
    "pydantic_core",
    "[SQL: ",
    "[parameters: ",
    "WHERE ",
    "officium_app",
    "officium.db",
)
"""What only stack traces, statements and paths have in them."""

HOSTILE = (
    "' OR '1'='1",
    "'; DROP TABLE tenants; --",
    '" UNION SELECT digest FROM api_keys --',
    "%",
    "_",
    "*",
    "\\",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "....//",
    ".",
    "/",
    "//evil.example",
    "a?b#c",
    "a&tenant_id=x",
    "a\x00b",
    "\x00",
    "\r\nx-injected: 1",
    "\u202etxet",
    "f\u0430st",
    "\uff46\uff41\uff53\uff54",
    "fast\u200b",
    "FAST",
    "\U0001f600",
    "\x7f\x1b[31m",
    "{{7*7}}${7*7}<script>alert(1)</script>",
    "-1",
    "0",
    "9" * 400,
    "1e999",
    "NaN",
    "null",
    "a" * 9_000,
    " ",
)
"""Texts that have opened something somewhere: in SQL, in paths, in headers, in templates, in numbers."""

VALUES = (None, True, -1, 0, 2**31, 2**63, 10**400, 1e308, [], {}, [[]], [None], {"a": {"b": []}}, "", "x")
"""What may stand in place of any value of a body."""


def faults(reply: Reply, said: str, place: str) -> list[str]:
    """What is wrong with an answer, apart from what it answers. `said` is the request, `place` our folder."""
    told = reply.body.decode("utf-8", "replace")
    headers = dict(reply.headers)
    found = [f"header {name} is broken" for name, value in headers.items() if set(value) & set("\r\n\0")]
    found += [f"it tells of {word!r}" for word in (*INSIDES, place) if word in told and word not in said]
    found += [f"it tells the secret {word!r}" for word in SECRETS if word in told + str(headers)]
    if reply.status in (0, 500):
        found.append(f"the status is {reply.status}")
    if headers.get("x-content-type-options") != "nosniff" or "x-request-id" not in headers:
        found.append("a header is missing")
    if "cache-control" not in headers:
        found.append("caches may keep it")
    if "access-control-allow-credentials" in headers:
        found.append("cookies would be sent across origins")
    if headers.get("location", "").startswith(("http:", "https:", "//")):
        found.append(f"it leads to {headers['location']}")
    return found


@dataclass
class Fortress:
    """The server with its secrets, and a tenant that has something of everything."""

    house: House
    alpha: Resident

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request as the tenant (or with `key`); whatever is wrong with the answer as a whole fails."""
        used = await self.alpha.key() if key is None else key or None
        reply = await Client(self.house.app).ask(method, path, body, headers=headers, key=used)
        said = f"{path} {body!r} {headers}"
        wrong = faults(reply, said, str(self.house.parts.settings.data_dir))
        assert wrong == [], f"{method} {said[:300]}: {reply.status} {reply.body[:300]!r}"
        return reply


@asynccontextmanager
async def fortified(data_dir: Path, url: str | None = None, **settings: Any) -> AsyncIterator[Fortress]:
    """A server to be attacked."""
    secrets = {"secret_key": SERVER_SECRET, "metrics_token": METRICS_TOKEN}
    async with open_house(data_dir, url, **{**ROOMY, **secrets, **settings}) as house:
        yield Fortress(house, await house.resident("Alpha"))


@pytest.fixture
async def fortress(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Fortress]:
    async with fortified(tmp_path, sqlite_database._url.render_as_string()) as opened:
        yield opened


def url_of(database: Database) -> str:
    return database._url.render_as_string(hide_password=False)


def hostile_requests(words: Sequence[str]) -> Iterator[tuple[str, str, Any, Mapping[str, str]]]:
    """Each route with each of the words in each place."""
    for route, entry in ENTRIES.items():
        for word in words:
            for attack in naming(route, entry, word):
                headers = {
                    name.lower(): value.encode("utf-8", "replace").decode("latin-1")
                    for name, value in attack.headers.items()
                    if not set(value) & set("\r\n\0")
                }
                yield attack.method, attack.path, attack.body, headers


async def test_hostile_words_are_words_like_any_other(fortress: Fortress) -> None:
    for number, (method, path, body, headers) in enumerate(hostile_requests(HOSTILE)):
        if number % 7 == 0:
            await fortress.ask(method, path, body, headers=headers)


async def test_hostile_words_break_nothing_on_postgresql(
    postgresql_database: Database, tmp_path: Path
) -> None:
    troublesome = ("a\x00b", "9" * 400, "'; DROP TABLE tenants; --", "\U0001f600")
    async with fortified(tmp_path, url_of(postgresql_database)) as fortress:
        for method, path, body, headers in hostile_requests(troublesome):
            await fortress.ask(method, path, body, headers=headers)


async def test_a_condition_in_a_name_selects_nothing_more(fortress: Fortress) -> None:
    """Nothing is found by SQL's own characters, nor changed or deleted, that a wrong name would not find."""
    for number, (route, entry) in enumerate(ENTRIES.items()):
        if "{" in route[1] and route[0] != "PUT":
            nobodys = unknown(f"nobodyhasit{number}")  # its own: a POST may make the thing it names
            for word in ("' OR '1'='1", "%", "_", "*"):
                pairs = zip(naming(route, entry, word), naming(route, entry, nobodys), strict=True)
                attack, control = next(pairs)
                reply = await fortress.ask(attack.method, attack.path, attack.body)
                expected = await fortress.ask(control.method, control.path, control.body)
                assert reply.status in (expected.status, 400), attack


JSON_VALUES = st.recursive(
    st.sampled_from([*VALUES, *HOSTILE]) | st.text(max_size=12) | st.floats(allow_nan=False) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def changed(body: Any, draw: Any) -> Any:
    """The body with one value, anywhere in it, replaced."""
    if isinstance(body, dict) and body and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(body)))
        return {**body, name: changed(body[name], draw)}
    if isinstance(body, list) and body and draw(st.booleans()):
        return [changed(body[0], draw), *body[1:]]
    return draw(JSON_VALUES)


@st.composite
def strange_requests(draw: Any) -> tuple[str, str, Any, Mapping[str, str]]:
    """A request to any route, with something strange in it."""
    route = draw(st.sampled_from(sorted(ENTRIES)))
    entry = ENTRIES[route]
    asked = plain(route, entry)
    match draw(st.sampled_from(["body", "place", "raw"])):
        case "place":
            word = draw(st.sampled_from(HOSTILE) | st.text(max_size=30))
            asked = draw(st.sampled_from([asked, *naming(route, entry, word)]))
        case "raw":
            asked = replace(asked, body=draw(st.binary(max_size=60)))
        case _:
            asked = replace(asked, body=changed(entry.body, draw))
    headers = {name.lower(): quote(value[:200]) for name, value in asked.headers.items()}
    return asked.method, asked.path, asked.body, headers


def test_no_request_whatever_makes_the_server_fail_or_tell(migrated_sqlite: Path, tmp_path: Path) -> None:
    (tmp_path / "officium.db").write_bytes(migrated_sqlite.read_bytes())
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        fortress = runner.run(stack.enter_async_context(fortified(tmp_path)))

        @hypothesis.settings(max_examples=150, database=None)
        @hypothesis.given(strange_requests())
        def attack(request: tuple[str, str, Any, Mapping[str, str]]) -> None:
            method, path, body, headers = request
            runner.run(fortress.ask(method, path, body, headers=headers))

        try:
            attack()
        finally:
            runner.run(stack.aclose())


BODIES = {
    "nested-deeply": b'{"targets":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "nested-unclosed": b'{"targets":' + b"[" * 50_000,
    "objects-nested-deeply": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a-huge-number": b'{"model":' + b"9" * 100_000 + b"}",
    "beyond-all-floats": b'{"model":1e999999,"temperature":1e999999}',
    "not-a-number": b'{"model":NaN,"temperature":Infinity}',
    "half-a-surrogate": b'{"model":"\\ud800","targets":["mock/\\udfff"]}',
    "no-utf-8": b'{"model":"\xff\xfe"}',
    "utf-16": '{"model":"fast"}'.encode("utf-16"),
    "a-mark-of-byte-order": b'\xef\xbb\xbf{"model":"fast"}',
    "keys-twice": b'{"model":"fast","model":"mock","targets":["mock"],"targets":["mock/b"]}',
    "a-prototype": b'{"__proto__":{"admin":true},"constructor":{"prototype":{}},"model":"mock"}',
    "a-form": b"model=fast&targets=mock",
    "xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "nothing": b"",
    "null": b"null",
    "many-fields": b"{" + b",".join(b'"f%d":1' % n for n in range(5_000)) + b"}",
}


async def test_a_body_that_is_no_request_is_refused_in_words(fortress: Fortress) -> None:
    for (method, _), entry in ENTRIES.items():
        for name, body in BODIES.items() if entry.body is not None else ():
            reply = await fortress.ask(method, entry.path, body)

            assert reply.status in (200, 201, 400, 404, 409), (entry.path, name, reply.body[:200])


async def test_of_a_key_that_stands_twice_the_last_counts_everywhere(fortress: Fortress) -> None:
    await fortress.ask("PUT", "/api/model-aliases/x", b'{"targets":["mock/a"],"targets":["mock/b"]}')
    hot = await fortress.ask(
        "POST",
        "/v1/chat/completions",
        b'{"model":"nobody/a","model":"x","messages":[{"role":"user","content":"Hi"}]}',
    )

    assert hot.headers["officium-model"] == "b"


STRANGE_IDS = (
    *(
        "a\r\nset-cookie: a=b",
        "a b",
        "\xe4",
        "a" * 129,
        "",
        "../x",
        "<script>",
        "a\tb",
        "a,b",
        "a;b",
        "%0d%0a",
    ),
)


async def test_an_id_of_a_request_is_given_back_only_if_it_is_harmless(fortress: Fortress) -> None:
    for given in STRANGE_IDS:
        for path in ("/v1/models", "/api/model-aliases", "/health", "/nothing"):
            reply = await fortress.ask("GET", path, headers={"x-request-id": given})

            assert reply.headers["x-request-id"].startswith("req_"), given


async def test_nothing_of_a_requests_headers_comes_back_in_the_answers(fortress: Fortress) -> None:
    names = ("host", "origin", "referer", "user-agent", "x-forwarded-host", "accept-language", "x-anything")

    for (method, path), entry in [*ENTRIES.items(), *((route, None) for route in OPEN)]:
        asked = entry.path if entry else path.replace("{name}", "swagger-ui.css")
        body = entry.body if entry else None
        reply = await fortress.ask(method, asked, body, headers=dict.fromkeys(names, "echoecho.example"))

        assert b"echoecho" not in reply.body, (method, path)
        assert "echoecho" not in str(reply.headers), (method, path)


async def test_a_host_that_is_not_ours_leads_nobody_there(fortress: Fortress) -> None:
    for path in ["/providers/", "/api/model-aliases/", "/health/", "/docs/", "//evil.example/x"]:
        for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example", "host": "localhost"}):
            reply = await fortress.ask("GET", path, headers=headers)

            assert "evil.example" not in str(reply.headers)
            assert reply.status in (404, 405)


async def test_a_method_is_what_it_is(fortress: Fortress) -> None:
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "_method",
        "x-original-method",
    ]:
        await fortress.ask("PUT", "/api/model-aliases/x", {"targets": ["mock"]})

        await fortress.ask("GET", "/api/model-aliases", headers={name: "DELETE"})
        posted = await fortress.ask("POST", "/api/model-aliases/x?_method=DELETE", headers={name: "DELETE"})

        assert posted.status == 405
        assert (await fortress.ask("DELETE", "/api/model-aliases/x")).status == 204


async def test_a_path_is_what_it_is(fortress: Fortress) -> None:
    for name in ["x-original-url", "x-rewrite-url", "x-forwarded-prefix", "x-forwarded-uri"]:
        reply = await fortress.ask("GET", "/health", headers={name: "/api/model-aliases"}, key="")

        assert reply.json["status"] == "healthy"


async def test_the_bearer_token_counts_where_two_credentials_disagree(fortress: Fortress) -> None:
    beta = await fortress.house.resident("Beta")
    await fortress.ask("PUT", "/api/model-aliases/mine", {"targets": ["mock"]})

    for path in ("/api/model-aliases", "/v1/models"):
        reply = await fortress.ask(
            "GET", path, key=await beta.key(), headers={"x-api-key": await fortress.alpha.key()}
        )
        refused = await fortress.ask(
            "GET", path, key="wrong", headers={"x-api-key": await fortress.alpha.key()}
        )

        assert b'"mine"' not in reply.body
        assert refused.status == 401


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
def test_a_credential_that_comes_twice_counts_as_none(name: bytes) -> None:
    once = [(b"authorization", b"Bearer a"), (b"x-api-key", b"a"), (b"accept", b"a"), (b"accept", b"b")]

    assert read_headers(once)[b"authorization"] == b"Bearer a"
    headers = read_headers([*once, (name, b"Bearer b")])
    assert (headers[b"authorization"], headers[b"x-api-key"]) == (b"", b"")


async def test_parameters_that_come_twice_confuse_nobody(fortress: Fortress) -> None:
    for query in ["limit=1&limit=200", "limit=1&limit=x", "limit[]=1", "limit=1;limit=2", "limit=%31"]:
        for path in ("/api/usage/calls", "/api/llm-config", "/api/audit-log"):
            assert (await fortress.ask("GET", f"{path}?{query}")).status in (200, 400)


@pytest.mark.parametrize("origins", [("https://app.example",), ("*",)], ids=["one", "any"])
async def test_pages_of_other_origins_never_bring_cookies(tmp_path: Path, origins: tuple[str, ...]) -> None:
    async with fortified(tmp_path, cors_origins=origins) as fortress:
        for origin in (
            "https://app.example",
            "https://evil.example",
            "null",
            "https://app.example.evil.example",
        ):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            replies = [
                await fortress.ask("GET", "/v1/models", headers={"origin": origin}),
                await fortress.ask("GET", "/api/model-aliases", headers={"origin": origin}),
                await fortress.ask("GET", "/nothing", headers={"origin": origin}),
            ]
            preflight = await Client(fortress.house.app).ask("OPTIONS", "/v1/models", headers=asked, key=None)

            for reply in (*replies, preflight):
                allowed = reply.headers.get("access-control-allow-origin")
                assert allowed in ({"*"} if "*" in origins else {None, "https://app.example"})
                assert allowed in ("*", origin, None)
                assert "access-control-allow-credentials" not in reply.headers


async def test_without_a_setting_no_page_of_another_origin_may_ask(fortress: Fortress) -> None:
    for path in ("/v1/models", "/api/model-aliases", "/health"):
        reply = await fortress.ask("GET", path, headers={"origin": "https://evil.example"})

        assert not [name for name in reply.headers if name.startswith("access-control")]


SMUGGLED = {
    "two-lengths": b"content-length: 0\r\ncontent-length: 30\r\n\r\n",
    "length-and-chunks": b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "hidden-chunks": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "negative-length": b"content-length: -1\r\n\r\n",
    "nul-in-a-header": b"x-a: b\x00c\r\n\r\n",
    "space-before-the-colon": b"content-length : 5\r\n\r\nhello",
    "folded-header": b"x-a: b\r\n x-api-key: c\r\n\r\n",
    "bare-line-feed": b"x-a: b\nx-c: d\r\n\r\n",
}


async def test_a_request_that_can_be_read_in_two_ways_is_read_once_or_not_at_all(tmp_path: Path) -> None:
    hidden = b"GET /metrics HTTP/1.1\r\nhost: x\r\nx-request-id: smuggled\r\n\r\n"
    async with running_server(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        for name, rest in SMUGGLED.items():
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /v1/models HTTP/1.1\r\nhost: x\r\nx-request-id: seen\r\n" + rest + hidden)
            writer.write_eof()
            answered = await asyncio.wait_for(reader.read(), 5)
            writer.close()

            statuses = re.findall(rb"HTTP/1.1 (\d+)", answered)
            assert statuses[:1] in ([], [b"400"], [b"405"]), name
            # Where a second request was seen, it is the one that was plainly there.
            assert len(statuses) <= 1 + answered.count(b"x-request-id: smuggled"), name


async def test_every_answer_has_the_headers_that_protect_people(fortress: Fortress) -> None:
    """`Fortress.ask` looks; here are the kinds of answers there are."""
    for method, path, key, status in (
        ("GET", "/api/model-aliases", None, 200),
        ("GET", "/v1/models", None, 200),
        ("GET", "/api/model-aliases", "", 401),
        ("GET", "/v1/models", "", 401),
        ("GET", "/nothing", None, 404),
        ("GET", "/v1/models/nothing", None, 404),
        ("POST", "/health", None, 405),
        ("DELETE", "/v1/models", None, 405),
        ("GET", "/docs", "", 200),
        ("GET", "/openapi.json", "", 200),
        ("GET", "/metrics", "", 401),
    ):
        assert (await fortress.ask(method, path, key=key)).status == status


class Echo:
    """A provider that repeats the key it was given, in whatever it says."""

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider

    def says(self, status: int) -> None:
        """What comes next."""
        message = f"Incorrect API key provided: {PROVIDER_KEY}. Bearer {PROVIDER_KEY}"
        error = {"error": {"message": message, "type": PROVIDER_KEY, "code": PROVIDER_KEY, "param": None}}
        self.provider.answers(Answer.json(error, status, **{"x-request-id": PROVIDER_KEY}))


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with fake_provider() as provider:
        yield Echo(provider)


async def test_no_secret_is_told_to_anybody_anywhere(
    tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no answer, no line of the log at its most talkative, no metric and no span."""
    spans, lines = InMemorySpanExporter(), io.BytesIO()
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = CallTelemetry(
        tracing.get_tracer("test"), MeterProvider(shutdown_on_exit=False).get_meter("test")
    )
    monkeypatch.setattr(officium.main, "_open_telemetry", lambda: telemetry)
    provider = {"api_key": PROVIDER_KEY, "base_url": echo.provider.base_url, "model": "m"}
    configure_logs("DEBUG", False, lines)
    redis = f"redis://user:{REDIS_PASSWORD}@127.0.0.1:1/0"
    told = ""

    async with fortified(tmp_path, redis_url=redis, providers={"groq": provider}) as fortress:
        alpha = await _move_in(fortress.house)
        for status in (400, 401, 403, 404, 422, 429, 500, 503):
            echo.says(status)
            for path, body in (
                ("/v1/chat/completions", {"model": "groq/m", "messages": HELLO}),
                ("/v1/chat/completions", {"model": "groq/m", "messages": HELLO, "stream": True}),
                ("/v1/messages", {"model": "groq/m", "max_tokens": 9, "messages": HELLO}),
                ("/v1/responses", {"model": "groq/m", "input": "Hi"}),
            ):
                await fortress.ask("POST", path, body, key=await alpha.key())
        for (method, _), entry in ENTRIES.items():
            await fortress.ask(method, entry.path, entry.body, key=await alpha.key())
        await fortress.house.parts.usage_log.flush()
        metrics = await Client(fortress.house.app).ask("GET", "/metrics", key=METRICS_TOKEN)
        log = await fortress.ask("GET", "/api/usage/calls?limit=200", key=await alpha.key())
        keys = [await alpha.key(), await fortress.alpha.key()]
        exported = [span.to_json() for span in spans.get_finished_spans()]
        told = f"{metrics.body.decode()} {log.body.decode()} {exported}"

    told += lines.getvalue().decode()
    assert "request.completed" in told
    assert '"officium.attempt"' in told
    assert echo.provider.asked[0].headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert [secret for secret in (*SECRETS, *keys) if secret in told] == []
    assert TARGET in told


async def test_a_database_that_is_away_is_not_described_to_strangers(tmp_path: Path) -> None:
    lines = io.BytesIO()
    configure_logs("DEBUG", False, lines)
    url = f"postgresql://canaryuser:{DATABASE_PASSWORD}@127.0.0.1:1/canaryname"
    read = officium.main.Settings(_env_file=None, data_dir=tmp_path, database_url=url)
    parts = officium.main.build_parts(read)
    app = officium.main.build_app(read, parts)

    key = "ofc_" + "0" * 10 + "_" + "0" * 38
    replies = [
        await Client(app).ask("GET", path, key=key) for path in ("/v1/models", "/providers", "/health/ready")
    ]
    await parts.database.close()

    for reply in replies:
        assert reply.status in (401, 503)
        assert not any(word in reply.body for word in (b"canary", b"127.0.0.1", b"postgres"))
    assert DATABASE_PASSWORD not in lines.getvalue().decode()
    assert DATABASE_PASSWORD not in repr(parts) + repr(read) + str(parts.database)


COMMANDS = (
    ("doctor",),
    ("doctor", "--json"),
    ("providers",),
    ("providers", "--json"),
    ("tenant", "list"),
    ("key", "list", "--json"),
    ("migrate", "--sql"),
    ("alias", "list"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_tells_a_secret(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {
        "OFFICIUM_DATA_DIR": str(tmp_path),
        "OFFICIUM_SECRET_KEY": SERVER_SECRET,
        "OFFICIUM_METRICS_TOKEN": METRICS_TOKEN,
        "OFFICIUM_REDIS_URL": f"redis://user:{REDIS_PASSWORD}@127.0.0.1:1/0",
        "GROQ_API_KEY": PROVIDER_KEY,
        "LOG_LEVEL": "DEBUG",
    }.items():
        monkeypatch.setenv(name, value)
    if command[0] == "doctor":
        url = f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:1/d"
        monkeypatch.setenv("OFFICIUM_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["officium", *command])

    with pytest.raises(SystemExit):
        command_line()

    printed = "".join(capfd.readouterr())
    assert printed
    assert [secret for secret in SECRETS if secret in printed] == []
