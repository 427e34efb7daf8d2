"""Which models are still served, and what a retired name is answered by."""

from datetime import UTC, date, datetime, timedelta

import pytest

from officium.core.llm import lifecycle
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import ModelRetired
from officium.core.llm.known_models import KNOWN_MODELS, KnownModel
from officium.core.llm.lifecycle import apply_lifecycle, find_known_model, find_lifecycle, keep_served
from officium.core.llm.price import price_of
from officium.core.llm.providers import PROVIDERS, find_traits

TODAY = date(2026, 11, 21)
DAY = timedelta(days=1)

RETIRED = [
    ("gemini", "gemini-pro", "2025-02-18"),
    ("groq", "mixtral-8x7b-32768", "2025-03-20"),
    ("groq", "llama3-70b", "2026-07-15"),
    ("openai", "gpt-3.5-turbo", "2026-10-23"),
    ("openai", "gpt-4", "2026-10-23"),
    ("openai", "gpt-4-turbo", "2026-10-23"),
    ("claude", "claude-3-haiku-20240307", "2026-04-20"),
    ("anthropic", "claude-3-opus-20240229", "2026-01-05"),
    ("anthropic", "claude-3-sonnet-20240229", "2025-07-21"),
    ("anthropic", "claude-3.5-sonnet", "2025-10-28"),
    ("openrouter", "anthropic/claude-3.5-sonnet", "2025-10-28"),
    ("fireworks", "accounts/fireworks/models/qwen2p5-72b-instruct", "2026-11-21"),
]
"""Every model that the first descriptions of this product name, and that is gone."""

DEFAULTS = [(row.name, row.default_model) for row in PROVIDERS.values() if row.env_key and row.default_model]


def _deployment(provider: str, model: str, base_url: str | None = None) -> Deployment:
    row = PROVIDERS[provider]
    return Deployment(
        provider=row,
        model=model,
        base_url=base_url or row.base_url or "",
        api_key="sk-1",
        traits=find_traits(provider, model),
    )


@pytest.mark.parametrize(("provider", "model", "since"), RETIRED)
def test_documented_name_that_is_gone_says_since_when_and_what_follows(
    provider: str, model: str, since: str
) -> None:
    found = find_lifecycle(provider, model, TODAY)

    assert found is not None
    assert found.state == "retired"
    assert found.since.endswith(since)
    assert found.successor


@pytest.mark.parametrize(("provider", "model"), DEFAULTS)
def test_default_model_is_served_or_has_a_successor(provider: str, model: str) -> None:
    found = find_lifecycle(provider, model, TODAY)

    assert found is not None
    assert found.state == "active" or found.successor


@pytest.mark.parametrize("row", [row for row in KNOWN_MODELS if row.ends], ids=lambda row: row.name)
def test_successor_is_known_and_served_on_the_day_the_model_ends(row: KnownModel) -> None:
    found = find_lifecycle(row.provider, row.name, row.ends)

    assert found.successor
    successor = find_lifecycle(row.provider, found.successor, max(row.ends, TODAY))
    assert successor is not None
    assert successor.state == "active"


@pytest.mark.parametrize("row", [row for row in KNOWN_MODELS if row.ends], ids=lambda row: row.name)
def test_successor_has_a_known_price(row: KnownModel) -> None:
    found = find_lifecycle(row.provider, row.name, TODAY)

    assert price_of(row.provider, found.successor, datetime(2026, 11, 21, tzinfo=UTC)) is not None


def test_rows_are_of_known_providers_and_name_each_model_once() -> None:
    names = [(row.provider, name) for row in KNOWN_MODELS for name in (row.name, *row.also)]

    assert len(names) == len(set(names))
    assert {provider for provider, _ in names} <= set(PROVIDERS)


def test_announcement_comes_before_the_end() -> None:
    assert [
        row.name for row in KNOWN_MODELS if row.announced and row.announced >= (row.ends or date.max)
    ] == []


@pytest.mark.parametrize(
    ("model", "row"),
    [
        pytest.param("gpt-4-0613", "gpt-4", id="month-and-day"),
        pytest.param("gpt-4o-2024-08-06", "gpt-4o", id="date"),
        pytest.param("gpt-4o-2024-05-13", "gpt-4o-2024-05-13", id="snapshot-with-a-row-of-its-own"),
        pytest.param("gpt-4-0125-preview", "gpt-4-turbo", id="other-name"),
        pytest.param("gpt-4o-audio-preview", None, id="another-kind-of-model"),
        pytest.param("ft:gpt-4o-2024-08-06:acme", None, id="fine-tuned"),
        pytest.param("", None, id="empty"),
    ],
)
def test_name_is_found_under_its_dated_snapshots(model: str, row: str | None) -> None:
    found = find_known_model("openai", model)

    assert (found.name if found else None) == row


def test_snapshots_of_other_providers_are_found() -> None:
    assert find_known_model("gemini", "gemini-2.0-flash-001").name == "gemini-2.0-flash"
    assert find_known_model("anthropic", "claude-sonnet-4-20250514").name == "claude-sonnet-4"
    assert find_known_model("anthropic", "claude-sonnet-4-5-20250929").name == "claude-sonnet-4-5"
    assert find_known_model("claude", "claude-3-opus-latest").name == "claude-3-opus"
    assert find_known_model("nobody", "gpt-4") is None


def test_state_changes_on_the_announced_days() -> None:
    row = find_known_model("openai", "gpt-4o")

    states = [row.state_on(day) for day in (row.announced - DAY, row.announced, row.ends - DAY, row.ends)]

    assert states == ["active", "deprecated", "deprecated", "retired"]


def test_retired_model_is_answered_by_its_successor_with_a_note() -> None:
    deployment, notes = apply_lifecycle(_deployment("openai", "gpt-4"), "successor", TODAY)

    assert deployment.name == "openai/gpt-6.1-sol"
    assert deployment.api_key == "sk-1"
    assert deployment.traits.wants_max_completion_tokens
    assert notes == (
        "openai/gpt-4 was shut down on 2026-10-23; its successor gpt-6.1-sol was asked instead.",
    )


def test_end_that_is_only_reported_is_told_as_such() -> None:
    asked = _deployment("fireworks", "accounts/fireworks/models/qwen2p5-72b-instruct")

    deployment, (note,) = apply_lifecycle(asked, "successor", TODAY)

    assert deployment.model == "accounts/fireworks/models/gpt-oss-120b"
    assert "is said to have been shut down by 2026-11-21" in note


def test_retired_model_is_refused_where_that_is_the_policy() -> None:
    with pytest.raises(ModelRetired, match="2026-10-23") as refused:
        apply_lifecycle(_deployment("openai", "gpt-4"), "refuse", TODAY)

    assert refused.value.code == "model_retired"
    assert refused.value.fields["since"] == "2026-10-23"
    assert refused.value.fields["successor"] == "gpt-6.1-sol"
    assert "gpt-6.1-sol" in refused.value.message


def test_retired_model_is_asked_all_the_same_where_that_is_the_policy() -> None:
    asked = _deployment("openai", "gpt-4")

    deployment, (note,) = apply_lifecycle(asked, "try", TODAY)

    assert deployment == asked
    assert "was shut down on 2026-10-23" in note


@pytest.mark.parametrize("policy", ["successor", "refuse", "try"])
def test_deprecated_model_answers_with_a_note_of_its_last_day(policy) -> None:
    asked = _deployment("openai", "gpt-4o-mini")

    assert apply_lifecycle(asked, policy, TODAY) == (
        asked,
        ("openai/gpt-4o-mini will be shut down on 2027-01-14. Use gpt-6-luna.",),
    )


@pytest.mark.parametrize(
    "deployment",
    [
        pytest.param(_deployment("openai", "gpt-6-luna"), id="active"),
        pytest.param(_deployment("openai", "made-up"), id="unknown"),
        pytest.param(_deployment("openai", "gpt-4", "https://proxy.test/v1"), id="behind-another-address"),
        pytest.param(_deployment("ollama", "gpt-4"), id="another-provider"),
    ],
)
def test_nothing_is_said_of(deployment: Deployment) -> None:
    assert apply_lifecycle(deployment, "refuse", TODAY) == (deployment, ())


def test_successor_that_is_retired_itself_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(name: str, successor: str | None, ends: date | None) -> KnownModel:
        return KnownModel(
            provider="openai", name=name, successor=successor, ends=ends, abilities=frozenset({"text"})
        )

    rows = {"a": row("a", "b", TODAY), "b": row("b", "c", TODAY + DAY), "c": row("c", None, None)}
    monkeypatch.setattr(lifecycle, "_find", lambda _provider, name: rows.get(name))

    assert find_lifecycle("openai", "a", TODAY).successor == "b"
    assert find_lifecycle("openai", "a", TODAY + DAY).successor == "c"


def test_deployments_carry_their_notes_to_the_answer() -> None:
    asked = [_deployment("openai", "gpt-4"), _deployment("openai", "gpt-6-luna")]

    kept = keep_served(asked, "successor", TODAY)

    assert [deployment.model for deployment in kept] == ["gpt-6.1-sol", "gpt-6-luna"]
    assert [len(deployment.notes) for deployment in kept] == [1, 0]


def test_refused_model_is_passed_over_while_another_is_left() -> None:
    asked = [_deployment("openai", "gpt-4"), _deployment("openai", "gpt-6-luna")]

    assert keep_served(asked, "refuse", TODAY) == (asked[1],)
    with pytest.raises(ModelRetired):
        keep_served(asked[:1], "refuse", TODAY)
    assert keep_served((), "refuse", TODAY) == ()


@pytest.mark.parametrize(
    ("provider", "model", "refused"),
    [
        ("anthropic", "claude-sonnet-5", {"temperature", "top_p", "top_k", "prefill", "thinking_budget"}),
        ("anthropic", "claude-opus-4-8", {"temperature", "top_p", "top_k", "thinking_budget"}),
        ("anthropic", "claude-opus-4-7", {"temperature", "thinking_budget"}),
        (
            "anthropic",
            "claude-haiku-5-5",
            {"temperature", "forced_tool_choice", "prefill", "thinking_budget"},
        ),
        ("openai", "gpt-5.4", {"temperature", "top_p", "logprobs"}),
        ("openai", "gpt-6.1-sol", {"temperature", "top_p", "logprobs"}),
        ("gemini", "gemini-3.8-flash", {"temperature", "top_p", "top_k"}),
        ("vertex", "gemini-3.8-flash", {"temperature", "top_p", "top_k"}),
    ],
)
def test_newer_models_are_not_sent_what_they_refuse(provider: str, model: str, refused: set[str]) -> None:
    assert refused <= find_traits(provider, model).refuses


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-opus-4-6"),
        ("anthropic", "claude-haiku-4-5"),
        ("gemini", "gemini-3.5-flash-lite"),
    ],
)
def test_older_models_keep_their_sampling_parameters(provider: str, model: str) -> None:
    assert find_traits(provider, model).refuses == frozenset()
