"""Which names and targets make an alias."""

import pytest

from officium.core.gateway.alias import LONGEST_FALLBACK, check_alias
from officium.kit.errors import InvalidRequest


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fast", id="word"),
        pytest.param("gpt-4o", id="hides-a-bare-model"),
        pytest.param("team/fast", id="slash"),
        pytest.param("a.b_c:d-1", id="every-mark"),
        pytest.param("7b", id="digit-first"),
        pytest.param("openaix", id="merely-begins-like-a-provider"),
        pytest.param("n" * 128, id="longest"),
    ],
)
def test_alias_may_be_called(name: str):
    check_alias(name, ["groq/openai/gpt-oss-20b"])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("n" * 129, id="too-long"),
        pytest.param("-fast", id="dash-first"),
        pytest.param("/fast", id="slash-first"),
        pytest.param("fast/", id="slash-last"),
        pytest.param("a//b", id="empty-step"),
        pytest.param("a/../b", id="step-up"),
        pytest.param("a/./b", id="step-on-the-spot"),
        pytest.param("my model", id="space"),
        pytest.param("fast\n", id="line-feed"),
        pytest.param("schnell-für-uns", id="umlaut"),
        pytest.param("fast\0", id="nul"),
        pytest.param("openai", id="provider"),
        pytest.param("openai/gpt-4o", id="provider-and-model"),
        pytest.param("OpenAI/gpt-4o", id="provider-in-capitals"),
        pytest.param("claude/mine", id="other-name-of-a-provider"),
    ],
)
def test_alias_may_not_be_called(name: str):
    with pytest.raises(InvalidRequest) as raised:
        check_alias(name, ["groq/openai/gpt-oss-20b"])

    assert raised.value.fields["param"] == "name"


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param(["groq/openai/gpt-oss-20b"], id="provider-and-model"),
        pytest.param(["groq"], id="provider-alone"),
        pytest.param(["claude/claude-haiku-5-5"], id="other-name-of-a-provider"),
        pytest.param(["groq/a"] * LONGEST_FALLBACK, id="longest-fallback"),
    ],
)
def test_alias_may_stand_for(targets: list[str]):
    check_alias("fast", targets)


@pytest.mark.parametrize(
    ("targets", "param"),
    [
        pytest.param([], "targets", id="nothing"),
        pytest.param(["groq/a"] * (LONGEST_FALLBACK + 1), "targets", id="too-many"),
        pytest.param(["gpt-4o"], "targets[0]", id="bare-model"),
        pytest.param(["groq/a", "fast"], "targets[1]", id="another-alias"),
        pytest.param(["groq/"], "targets[0]", id="no-model-after-the-slash"),
        pytest.param(["groq/a\0"], "targets[0]", id="nul"),
        pytest.param(["groq/a\nb"], "targets[0]", id="line-feed"),
        pytest.param(["groq/" + "m" * 252], "targets[0]", id="too-long"),
    ],
)
def test_alias_may_not_stand_for(targets: list[str], param: str):
    with pytest.raises(InvalidRequest) as raised:
        check_alias("fast", targets)

    assert raised.value.fields["param"] == param
