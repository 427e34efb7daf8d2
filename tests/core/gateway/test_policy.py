"""Which names a pattern fits, and whom a policy is about."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.gateway.errors import InvalidModelPolicy
from officium.core.gateway.policy import (
    ModelPolicy,
    check_patterns,
    check_subject,
    policies_for,
    subjects_of,
)
from officium.core.tenancy import Caller
from tests.support.clock import HandClock


def a_policy(*allowed: str, subject: str = "tenant") -> ModelPolicy:
    return ModelPolicy(subject=subject, allowed=allowed, updated_at=HandClock().now(), updated_by="key:1")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("groq/*", "groq/openai/gpt-oss-20b", True),
        ("groq/*", "groqish/x", False),
        ("openai/gpt-*", "openai/gpt-6-luna", True),
        ("openai/gpt-*", "openai/o3", False),
        ("openai/gpt-6-luna", "openai/gpt-6-luna", True),
        ("openai/gpt-6-luna", "openai/gpt-6-luna-pro", False),
        ("*", "anything/at-all", True),
        ("*/llama*", "groq/llama-4", True),
        ("*/llama*", "groq/meta/llama-4", True),
        ("a/b*b", "a/b", False),
        ("a/b*b", "a/bb", True),
        ("a/*x*x", "a/x", False),
        ("openai/gpt-*", "OPENAI/GPT-6", False),
        ("openai/g[p]t", "openai/gpt", False),
        ("openai/g?t", "openai/gpt", False),
        ("openai/gpt.6", "openai/gpt-6", False),
    ],
)
def test_pattern_fits_names(pattern: str, name: str, fits: bool) -> None:
    assert a_policy(pattern).allows(name) is fits


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_patterns_mean_what_they_mean_in_a_shell(pattern: str, name: str) -> None:
    assert a_policy(pattern).allows(name) == fnmatchcase(name, pattern)


def test_policy_without_patterns_allows_nothing() -> None:
    assert not a_policy().allows("groq/x")


def test_aliases_of_providers_become_their_names_and_repetitions_go() -> None:
    assert check_patterns(["claude/*", "anthropic/*", "Google/gemini-*", "*"]) == (
        "anthropic/*",
        "gemini/gemini-*",
        "*",
    )


@pytest.mark.parametrize(
    "pattern",
    ["", "groq", "groq/", "/x", "nobody/x", "gpt-4o", "groq/\n", "groq/" + "x" * 300],
    ids=[
        "empty",
        "no-model",
        "no-model-after-slash",
        "no-provider",
        "unknown",
        "bare",
        "unprintable",
        "long",
    ],
)
def test_pattern_that_fits_no_model_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidModelPolicy) as raised:
        check_patterns(["groq/*", pattern])

    assert raised.value.fields["param"] == "allowed[1]"


def test_list_of_patterns_is_bounded() -> None:
    with pytest.raises(InvalidModelPolicy):
        check_patterns([f"groq/{number}" for number in range(201)])


@pytest.mark.parametrize(
    "subject", ["", "key", "key:", "member:", "tenant:x", "key:a b", "key:" + "a" * 65, "user:1"]
)
def test_subject_nobody_is_refused(subject: str) -> None:
    with pytest.raises(InvalidModelPolicy):
        check_subject(subject)


def test_policies_of_operator_tenant_key_and_member_hold_for_a_caller() -> None:
    caller = Caller("ten_1", "key:ak_1", frozenset(), member_id="mem_1", key_id="ak_1")
    subjects = ("operator", "tenant", "key:ak_1", "key:ak_2", "member:mem_1", "member:mem_2")
    policies = [a_policy("groq/*", subject=subject) for subject in subjects]

    held = policies_for(caller, policies)

    assert {policy.subject for policy in held} == {"operator", "tenant", "key:ak_1", "member:mem_1"}
    assert subjects_of(Caller("ten_1", "job:x", frozenset())) == ("operator", "tenant")
