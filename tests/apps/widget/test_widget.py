"""How a widget may answer."""

import pytest
from msgspec.structs import replace

from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.widget import WidgetSettings, check_widget

PLAIN = WidgetSettings(name="Shop")


def test_documented_defaults_stand():
    assert (PLAIN.llm_enabled, PLAIN.llm_temperature, PLAIN.llm_max_tokens) == (True, 0.7, 500)
    assert PLAIN.fallback_to_knowledge_base


@pytest.mark.parametrize("provider", [None, "gemini", "groq", "openai", "claude", "anthropic", "mock"])
def test_provider_may_be(provider: str | None):
    check_widget(replace(PLAIN, llm_provider=provider))


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"name": " "}, "name", id="no-name"),
        pytest.param({"name": "n" * 201}, "name", id="long-name"),
        pytest.param({"llm_provider": "skynet"}, "llm_provider", id="provider"),
        pytest.param({"llm_model": ""}, "llm_model", id="no-model"),
        pytest.param({"llm_model": "m\0"}, "llm_model", id="nul-in-model"),
        pytest.param({"llm_temperature": -0.1}, "llm_temperature", id="cold"),
        pytest.param({"llm_temperature": 2.1}, "llm_temperature", id="hot"),
        pytest.param({"llm_temperature": float("nan")}, "llm_temperature", id="no-number"),
        pytest.param({"llm_max_tokens": 0}, "llm_max_tokens", id="no-tokens"),
        pytest.param({"llm_max_tokens": 100_001}, "llm_max_tokens", id="many-tokens"),
        pytest.param({"business_info": "b" * 20_001}, "business_info", id="long-info"),
        pytest.param({"business_info": "a\0b"}, "business_info", id="nul-in-info"),
        pytest.param({"business_info": "\udfff"}, "business_info", id="half-a-character"),
    ],
)
def test_widget_may_not_be(changes: dict[str, object], param: str):
    with pytest.raises(InvalidWidget) as raised:
        check_widget(replace(PLAIN, **changes))

    assert raised.value.fields["param"] == param


def test_business_information_may_have_lines_and_any_script():
    check_widget(replace(PLAIN, business_info="ساعات العمل\n9 to 17 🕘"))
