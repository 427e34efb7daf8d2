"""What a configuration fills in where a request says nothing."""

from typing import Any

import msgspec
import pytest

from officium.core.gateway import with_defaults
from officium.core.llm.completion import CompletionRequest, DialectName, NativeBody
from officium.core.llm.deployment import Deployment, RequestDefaults
from officium.core.llm.message import user
from officium.core.llm.providers import PROVIDERS, choose_dialect


def a_request(**said: Any) -> CompletionRequest:
    return CompletionRequest(model="x", messages=(user("Hello"),), **said)


def a_deployment(defaults: RequestDefaults | None, provider: str = "openai") -> Deployment:
    return Deployment(
        provider=PROVIDERS[provider], model="m-x", base_url="https://provider.test/v1", defaults=defaults
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, (0.5, 99), id="nothing said"),
        pytest.param({"temperature": 0.0}, (0.0, 99), id="temperature said"),
        pytest.param({"max_tokens": 7}, (0.5, 7), id="tokens said"),
        pytest.param({"temperature": 1.0, "max_tokens": 7}, (1.0, 7), id="both said"),
    ],
)
def test_configuration_fills_in_what_a_request_leaves_open(
    said: dict[str, Any], expected: tuple[float, int]
) -> None:
    deployments = [a_deployment(RequestDefaults(temperature=0.5, max_tokens=99)), a_deployment(None)]

    filled = with_defaults(a_request(**said), deployments)

    assert (filled.temperature, filled.max_tokens) == expected


def test_request_stays_as_it_is_without_a_configuration() -> None:
    request = a_request()

    assert with_defaults(request, [a_deployment(None)]) is request


@pytest.mark.parametrize(
    ("provider", "dialect", "limit"),
    [
        ("groq", "openai-chat", "max_tokens"),
        ("openai", "openai-responses", "max_output_tokens"),
        ("anthropic", "anthropic-messages", "max_tokens"),
    ],
)
def test_what_was_filled_in_reaches_a_provider_of_the_same_dialect(
    provider: str, dialect: DialectName, limit: str
) -> None:
    deployment = a_deployment(RequestDefaults(temperature=0.5, max_tokens=99), provider)
    native = NativeBody(dialect=dialect, body={"model": "x", "messages": [], "input": "Hello"})

    request = with_defaults(a_request(native=native), [deployment])

    body = msgspec.json.decode(choose_dialect(deployment, request).encode(request, deployment).body)
    assert (body["temperature"], body[limit]) == (0.5, 99)
    assert "temperature" not in native.body


def test_what_was_said_in_a_dialect_stays() -> None:
    deployment = a_deployment(RequestDefaults(temperature=0.5, max_tokens=99), "groq")
    said = {"model": "x", "messages": [], "temperature": 1.0, "max_completion_tokens": 7}
    native = NativeBody(dialect="openai-chat", body=said)

    request = with_defaults(a_request(native=native, temperature=1.0, max_tokens=7), [deployment])

    assert request.native is not None
    assert request.native.body == said
