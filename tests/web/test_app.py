"""Routes, middleware and everything that is not a completion."""

import asyncio
import struct
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from officium.core.gateway.call import ModelListing
from officium.core.tenancy.caller import Caller
from officium.kit.database import DatabaseUnavailable
from officium.web.app import WebApp
from officium.web.exchange import BodyLimits
from tests.support.web import CALLER, KEY, FakeAuthenticator, FakeGateway, an_app, ask, description

CHAT = "/v1/chat/completions"
QUESTION = {"model": "acme/acme-1", "messages": [{"role": "user", "content": "Hi"}]}
MODELS = [
    ModelListing(id="fast", provider="alias", created=5),
    ModelListing(id="acme/models/acme-1", provider="acme"),
]


async def test_health_has_the_documented_shape() -> None:
    reply = await ask(an_app(), "GET", "/health", key=None)

    assert reply.status == 200
    assert reply.json == {
        "status": "healthy",
        "provider": "acme",
        "model": "acme-1",
        "context_cache_age_minutes": None,
    }


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_health_may_be_asked_for_without_a_body(path: str) -> None:
    assert (await ask(an_app(), "HEAD", path, key=None)).status == 200


async def test_ready_server_says_so() -> None:
    reply = await ask(an_app(), "GET", "/health/ready", key=None)

    assert (reply.status, reply.json) == (200, {"status": "ready", "checks": {"database": True}})


async def _broken() -> dict[str, bool]:
    raise OSError("database on 10.0.0.5 is away")


async def _away() -> dict[str, bool]:
    return {"database": False}


@pytest.mark.parametrize("readiness", [_broken, _away], ids=["raises", "fails"])
async def test_server_without_its_database_is_not_ready(readiness: Any) -> None:
    reply = await ask(an_app(readiness=readiness), "GET", "/health/ready", key=None)

    assert (reply.status, reply.json["status"]) == (503, "unready")
    assert b"10.0.0.5" not in reply.body


async def test_draining_server_is_not_ready_but_healthy() -> None:
    app = an_app()
    app.is_draining = True

    assert (await ask(app, "GET", "/health/ready", key=None)).status == 503
    assert (await ask(app, "GET", "/health", key=None)).status == 200
    assert (await ask(app, "POST", CHAT, QUESTION)).status == 200


async def test_providers_are_listed_for_callers_only() -> None:
    assert (await ask(an_app(), "GET", "/providers", key=None)).status == 401
    assert (await ask(an_app(), "GET", "/providers")).json == {
        "providers": [
            {
                "name": "acme",
                "label": "Acme",
                "dialect": "openai-chat",
                "default_model": None,
                "is_local": False,
                "available": True,
            }
        ]
    }


@pytest.mark.parametrize(
    ("parts", "key", "status"),
    [
        ({}, None, 403),
        ({}, KEY, 403),
        ({"metrics_token": "m"}, None, 401),
        ({"metrics_token": "m"}, KEY, 401),
        ({"metrics_token": "m"}, "m", 200),
        ({"is_metrics_public": True}, None, 200),
    ],
    ids=["closed", "closed to tenants", "no token", "a tenant's key", "token", "public"],
)
async def test_metrics_of_all_tenants_are_for_the_operator(
    parts: dict[str, Any], key: str | None, status: int
) -> None:
    assert (await ask(an_app(**parts), "GET", "/metrics", key=key)).status == status


async def test_requests_are_counted_by_route_and_kind_of_status() -> None:
    registry = CollectorRegistry()
    app = an_app(registry=registry, is_metrics_public=True)

    await ask(app, "POST", CHAT, QUESTION)
    await ask(app, "POST", CHAT, QUESTION, key=None)
    await ask(app, "GET", "/health")
    await ask(app, "GET", "/no/such/path")
    await ask(app, "BREW", "/no/such/path")
    metrics = (await ask(app, "GET", "/metrics")).body.decode()

    def count(method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return registry.get_sample_value("officium_http_requests_total", labels)

    assert count("POST", CHAT, "2xx") == 1
    assert count("POST", CHAT, "4xx") == 1
    assert count("GET", "/health", "2xx") == 1
    assert count("GET", "unmatched", "4xx") == 1
    assert count("OTHER", "unmatched", "4xx") == 1
    assert "officium_http_requests_running 1.0" in metrics


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/providers")], ids=["hot", "framework"]
)
async def test_where_the_database_is_stands_in_the_log_and_in_no_answer(method: str, path: str) -> None:
    class Away(FakeAuthenticator):
        async def authenticate(self, credential: str) -> Caller:
            raise DatabaseUnavailable("The database cannot be reached (Connect call failed 10.0.0.5).")

    with capture_logs() as lines:
        reply = await ask(an_app(authenticator=Away()), method, path, QUESTION)

    assert (reply.status, reply.json["error"]["code"]) == (503, "database_unavailable")
    assert b"10.0.0.5" not in reply.body
    (line,) = [line for line in lines if line["event"] == "database.unavailable"]
    assert "10.0.0.5" in line["reason"]
    assert line["request_id"] == reply.headers["x-request-id"]


async def test_every_request_is_logged_without_its_contents() -> None:
    with capture_logs() as logs:
        app = an_app()
        await ask(app, "POST", CHAT, QUESTION, headers={"x-request-id": "mine-1"})

    line = next(line for line in logs if line["event"] == "request.completed")
    duration_ms = line.pop("duration_ms")
    assert duration_ms >= 0
    assert line == {
        "event": "request.completed",
        "log_level": "info",
        "method": "POST",
        "route": CHAT,
        "status": 200,
        "request_id": "mine-1",
        "tenant": CALLER.tenant_id,
        "error": None,
    }


async def test_log_names_the_error_and_the_tenant_of_other_routes() -> None:
    with capture_logs() as logs:
        app = an_app()
        await ask(app, "POST", CHAT, {})
        await ask(app, "GET", "/providers")
        await ask(app, "GET", "/providers", key=None)

    lines = [line for line in logs if line["event"] == "request.completed"]
    assert (lines[0]["error"], lines[0]["status"]) == ("invalid_request", 400)
    assert (lines[1]["route"], lines[1]["tenant"]) == ("/providers", CALLER.tenant_id)
    assert (lines[2]["error"], lines[2]["status"]) == ("not_authenticated", 401)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/v1/chat/completions/", 404, "not_found"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("DELETE", "/v1/models/x", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
async def test_wrong_paths_and_methods_are_answered_in_json(
    method: str, path: str, status: int, code: str
) -> None:
    reply = await ask(an_app(), method, path)

    assert reply.status == status
    assert reply.json["error"]["code"] == code
    assert ("allow" in reply.headers) is (status == 405)
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/health", "/nothing", CHAT])
async def test_every_answer_tells_browsers_to_be_careful(path: str) -> None:
    assert (await ask(an_app(), "GET", path)).headers["x-content-type-options"] == "nosniff"


async def test_large_body_is_a_413_and_the_connection_ends() -> None:
    reply = await ask(an_app(body_limits=BodyLimits(size_bytes=10)), "POST", CHAT, QUESTION)

    assert (reply.status, reply.headers["connection"]) == (413, "close")


async def test_models_are_listed_for_openai() -> None:
    reply = await ask(an_app(FakeGateway(models=MODELS)), "GET", "/v1/models")

    assert reply.json["object"] == "list"
    assert reply.json["data"][0] == {"id": "fast", "object": "model", "created": 5, "owned_by": "alias"}


async def test_models_are_listed_for_anthropic() -> None:
    headers = {"anthropic-version": "2023-06-01"}

    reply = await ask(an_app(FakeGateway(models=MODELS)), "GET", "/v1/models", headers=headers)

    assert reply.json["has_more"] is False
    assert reply.json["first_id"] == "fast"
    assert reply.json["data"][1]["type"] == "model"


async def test_one_model_is_found_by_an_id_with_slashes() -> None:
    app = an_app(FakeGateway(models=MODELS))

    assert (await ask(app, "GET", "/v1/models/acme/models/acme-1")).json["owned_by"] == "acme"
    assert (await ask(app, "GET", "/v1/models/nothing")).json["error"]["code"] == "model_not_found"


async def test_models_are_for_callers_only() -> None:
    assert (await ask(an_app(), "GET", "/v1/models", key=None)).status == 401


async def test_embeddings_come_as_numbers_or_packed() -> None:
    question = {"model": "acme/e", "input": ["a", "b"]}

    plain = await ask(an_app(), "POST", "/v1/embeddings", question)
    packed = await ask(an_app(), "POST", "/v1/embeddings", {**question, "encoding_format": "base64"})

    assert [row["embedding"] for row in plain.json["data"]] == [[0.5, -1.0], [0.5, -1.0]]
    assert struct.unpack("<2f", b64decode(packed.json["data"][1]["embedding"])) == (0.5, -1.0)
    assert plain.json["usage"] == {"prompt_tokens": 12, "total_tokens": 12}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "is required"),
        ([], "is required"),
        ([1, 2], "token numbers"),
        ([[1, 2]], "token numbers"),
        (["a", ""], "must not be empty"),
        (["a", None], "must be a string"),
        (["a"] * 2049, "more than 2048"),
    ],
    ids=["missing", "none", "tokens", "lists of tokens", "empty", "null", "too many"],
)
async def test_inputs_that_cannot_be_embedded_are_refused(given: Any, sentence: str) -> None:
    reply = await ask(an_app(), "POST", "/v1/embeddings", {"model": "acme/e", "input": given})

    assert reply.status == 400
    assert sentence in reply.json["error"]["message"]


async def test_openai_sdk_talks_to_the_app() -> None:
    transport = httpx2.ASGITransport(app=an_app(FakeGateway(models=MODELS)))
    async with httpx2.AsyncClient(transport=transport) as http:
        client = openai.AsyncOpenAI(api_key=KEY, base_url="http://door/v1", http_client=http, max_retries=0)

        answer = await client.chat.completions.create(model="x", messages=[{"role": "user", "content": "Hi"}])
        vectors = await client.embeddings.create(model="x", input="a")
        model = await client.models.retrieve("acme/models/acme-1")

    assert answer.choices[0].message.content == "Hello"
    assert vectors.data[0].embedding == [0.5, -1.0]
    assert model.owned_by == "acme"


async def test_api_is_described_with_its_hot_doors() -> None:
    document = (await ask(an_app(), "GET", "/openapi.json", key=None)).json

    assert {CHAT, "/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/models", "/health"} <= set(
        document["paths"]
    )
    chat = document["paths"][CHAT]["post"]
    assert chat["requestBody"]["content"]["application/json"]["example"]["messages"]
    assert chat["responses"]["200"]["content"]["application/json"]["example"]["choices"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"])
async def test_examples_of_the_description_are_accepted(path: str) -> None:
    example = description()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]

    assert (await ask(an_app(), "POST", path, example)).status == 200


async def test_documentation_needs_nobody_elses_server() -> None:
    app = an_app()

    page = await ask(app, "GET", "/docs", key=None)
    start = await ask(app, "GET", "/docs/start.js", key=None)

    assert b"://" not in page.body
    assert b"<script>" not in page.body
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert start.status == 200


@pytest.mark.parametrize("name", ["..%2f..%2fapp.py", "../../app.py", "LICENSE", "none.js"])
async def test_documentation_serves_its_own_files_only(name: str) -> None:
    assert (await ask(an_app(), "GET", f"/docs/{name}", key=None)).status == 404


ORIGIN = {"origin": "https://app.example"}


async def test_other_origins_are_not_allowed_unless_configured() -> None:
    reply = await ask(an_app(), "POST", CHAT, QUESTION, headers=ORIGIN)

    assert "access-control-allow-origin" not in reply.headers


async def test_configured_origins_may_call_every_door() -> None:
    app = an_app(cors_origins=("https://app.example",))
    preflight = {**ORIGIN, "access-control-request-method": "POST"}

    allowed = await ask(app, "OPTIONS", CHAT, headers=preflight, key=None)
    reply = await ask(app, "POST", CHAT, QUESTION, headers=ORIGIN)
    stranger = await ask(app, "POST", CHAT, QUESTION, headers={"origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in stranger.headers


async def test_mistake_in_a_framework_route_is_a_bare_500() -> None:
    async def broken(caller: Caller) -> set[str]:
        raise RuntimeError("secret details")

    reply = await ask(an_app(available_providers=broken), "GET", "/providers")

    assert reply.status == 500
    assert b"secret" not in reply.body
    assert reply.json["error"]["code"] == "internal_error"


async def _live(app: WebApp) -> list[str]:
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "lifespan.startup"})
    incoming.put_nowait({"type": "lifespan.shutdown"})
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, incoming.get, send)
    return sent


async def test_parts_live_as_long_as_the_server() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        steps.append("up")
        yield
        steps.append("down")

    sent = await _live(an_app(lifespan=lifespan))

    assert steps == ["up", "down"]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(OSError("no disk"), None), (DatabaseUnavailable("no database"), "database_unavailable")],
    ids=["surprise", "of our own"],
)
async def test_server_whose_parts_do_not_start_does_not_start(error: Exception, code: str | None) -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        raise error
        yield

    with capture_logs() as lines:
        assert await _live(an_app(lifespan=lifespan)) == ["lifespan.startup.failed"]

    (line,) = lines
    assert (line["event"], line["error"]) == ("server.startup_failed", code)
    assert line["exc_info"] is (code is None)
