"""What makes two requests the same, and which may be answered from the cache at all."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from officium.core.gateway.cache.key import SAME_ANSWER, cache_key, is_cacheable
from officium.core.llm.completion import CompletionRequest, NativeBody, OutputFormat, Tool, ToolChoice
from officium.core.llm.deployment import Deployment, ModelTraits
from officium.core.llm.message import Image, Message, Refusal, Text, assistant, system, user
from officium.core.llm.providers import PROVIDERS

REQUEST = CompletionRequest(model="fast", messages=(user("Hello"),))
DEPLOYMENT = Deployment(
    provider=PROVIDERS["openai"], model="gpt-6-luna", base_url="https://api.openai.com/v1", api_key="sk-1"
)
BODY = {"model": "fast", "messages": [{"role": "user", "content": "Hello"}]}

_FLOATS = st.floats(0, 2, allow_nan=False)
_TEXTS = st.text(max_size=20)
_MESSAGES = st.lists(
    st.one_of(
        _TEXTS.map(user),
        _TEXTS.map(system),
        _TEXTS.map(assistant),
        _TEXTS.map(lambda text: Message("assistant", (Refusal(text),))),
        _TEXTS.map(lambda url: Message("user", (Image(url=url),))),
        st.tuples(_TEXTS, _TEXTS).map(lambda two: Message("user", tuple(Text(text) for text in two))),
    ),
    max_size=3,
).map(tuple)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "model": _TEXTS,
    "messages": _MESSAGES,
    "max_tokens": st.none() | st.integers(1, 10_000),
    "temperature": st.none() | _FLOATS,
    "top_p": st.none() | _FLOATS,
    "top_k": st.none() | st.integers(1, 100),
    "stop": st.lists(_TEXTS, max_size=2).map(tuple),
    "seed": st.none() | st.integers(),
    "presence_penalty": st.none() | _FLOATS,
    "frequency_penalty": st.none() | _FLOATS,
    "tools": st.lists(st.builds(Tool, name=_TEXTS, description=_TEXTS), max_size=2).map(tuple),
    "tool_choice": st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"])),
    "parallel_tool_calls": st.none() | st.booleans(),
    "output_format": st.none() | st.builds(OutputFormat, schema=st.dictionaries(_TEXTS, _TEXTS, max_size=2)),
    "reasoning_effort": st.none() | _TEXTS,
    "logprobs": st.booleans(),
    "top_logprobs": st.none() | st.integers(0, 20),
    "n": st.integers(1, 5),
}
"""A strategy for each field on which an answer depends."""


def _key(request: CompletionRequest = REQUEST, deployments: Sequence[Deployment] = (DEPLOYMENT,)) -> str:
    return cache_key("ten_1", request, deployments)


def test_every_field_of_a_request_counts_or_is_known_not_to() -> None:
    assert set(CompletionRequest.__struct_fields__) == set(VALUES) | SAME_ANSWER


@given(
    st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name], VALUES[name]))
)
def test_any_change_of_what_the_answer_depends_on_changes_the_key(change: tuple[str, Any, Any]) -> None:
    name, one, other = change
    first, second = replace(REQUEST, **{name: one}), replace(REQUEST, **{name: other})

    assert (_key(first) == _key(second)) == (first == second)


@pytest.mark.parametrize(
    "change",
    [{"user": "ada"}, {"stream": True}, {"unmodelled": ("metadata",)}, {"untranslatable": ("x",)}],
    ids=lambda change: next(iter(change)),
)
def test_what_the_answer_does_not_depend_on_leaves_the_key(change: dict[str, Any]) -> None:
    assert _key(replace(REQUEST, **change)) == _key()


def _with_body(**more: Any) -> CompletionRequest:
    return replace(REQUEST, native=NativeBody("openai-chat", {**BODY, **more}))


@pytest.mark.parametrize("name", ["user", "metadata", "stream", "stream_options", "prompt_cache_key"])
def test_words_of_the_body_that_change_no_answer_leave_the_key(name: str) -> None:
    assert _key(_with_body(**{name: "something"})) == _key(_with_body())


@pytest.mark.parametrize("name", ["temperature", "logit_bias", "verbosity", "service_tier", "anything_new"])
def test_any_other_word_of_the_body_changes_the_key(name: str) -> None:
    assert _key(_with_body(**{name: 1})) not in (_key(_with_body()), _key(_with_body(**{name: 2})))


def test_dialect_of_the_body_changes_the_key() -> None:
    messages = replace(REQUEST, native=NativeBody("anthropic-messages", BODY))

    assert len({_key(), _key(_with_body()), _key(messages)}) == 3


def test_order_in_which_a_body_is_written_does_not_matter() -> None:
    turned = replace(REQUEST, native=NativeBody("openai-chat", dict(reversed(BODY.items()))))

    assert _key(turned) == _key(_with_body())


def test_part_of_another_kind_with_the_same_words_is_another_question() -> None:
    said = replace(REQUEST, messages=(Message("assistant", (Text("No"),)),))
    refused = replace(REQUEST, messages=(Message("assistant", (Refusal("No"),)),))

    assert _key(said) != _key(refused)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "gpt-6-sol"},
        {"base_url": "https://proxy.test/v1"},
        {"api_key": "sk-2"},
        {"provider": PROVIDERS["groq"]},
        {"traits": ModelTraits(refuses=frozenset({"temperature"}))},
        {"notes": ("Its days are counted.",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_deployment_is_another_key(change: dict[str, Any]) -> None:
    assert _key(deployments=(replace(DEPLOYMENT, **change),)) != _key()


def test_fallback_is_part_of_the_key() -> None:
    other = replace(DEPLOYMENT, model="gpt-6-sol")

    keys = {
        _key(deployments=deployments)
        for deployments in ((DEPLOYMENT,), (DEPLOYMENT, other), (other, DEPLOYMENT))
    }

    assert len(keys) == 3


@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64))
def test_tenants_never_share_a_key(one: str, other: str) -> None:
    keys = {cache_key(tenant_id, REQUEST, (DEPLOYMENT,)) for tenant_id in (one, other)}

    assert len(keys) == len({one, other})


def test_key_tells_nothing_of_what_it_is_made_of() -> None:
    assert len(_key()) == 64
    assert set(_key()) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(REQUEST, True, id="plain"),
        pytest.param(replace(REQUEST, temperature=1.5), True, id="warm"),
        pytest.param(replace(REQUEST, output_format=OutputFormat(schema={})), True, id="schema"),
        pytest.param(replace(REQUEST, messages=(Message("user", (Image(url="u"),)),)), True, id="image"),
        pytest.param(replace(REQUEST, tools=(Tool("f"),)), False, id="tools"),
        pytest.param(replace(REQUEST, n=2), False, id="several-answers"),
        pytest.param(_with_body(tools=[{"type": "web_search"}]), False, id="tools-of-the-provider"),
        pytest.param(_with_body(web_search_options={"a": 1}), False, id="search"),
        pytest.param(_with_body(previous_response_id="resp_1"), False, id="memory"),
        pytest.param(_with_body(tools=[]), True, id="no-tools"),
    ],
)
def test_request_may_be_answered_from_the_cache(request_: CompletionRequest, expected: bool) -> None:
    assert is_cacheable(request_) is expected
