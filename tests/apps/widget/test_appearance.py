"""What an owner may say about a widget's looks."""

from typing import Any

import pytest

from officium.apps.widget.appearance import check_appearance
from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.widget import WidgetSettings, check_widget


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"greeting": "Hi!", "title": {"en": "Ask", "de": "Fragen"}, "hint": ""},
        {"suggested_questions": ["When do you open?"]},
        {"suggested_questions": {"en": ["When do you open?"], "de": []}},
        {"accent": "#0b6e4f", "theme": "dark", "position": "start", "handover": False, "lead_form": True},
        {"accent": "oklch(60% 0.2 140 / 90%)", "privacy_url": "https://shop.example/privacy"},
        {"something_else": {"of": ["the", "owner's"]}},
    ],
)
def test_what_the_script_can_show_is_taken(said: dict[str, Any]):
    check_appearance(said)


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"greeting": 7}, "greeting"),
        ({"greeting": {"en": None}}, "greeting"),
        ({"title": "x" * 2_001}, "title"),
        ({"suggested_questions": "When?"}, "suggested_questions"),
        ({"suggested_questions": ["When?"] * 7}, "suggested_questions"),
        ({"suggested_questions": {"en": [1]}}, "suggested_questions"),
        ({"theme": "blue"}, "theme"),
        ({"position": ["end"]}, "position"),
        ({"handover": "no"}, "handover"),
        ({"lead_form": None}, "lead_form"),
        ({"accent": "url(https://evil.example)"}, "accent"),
        ({"accent": "red; background: lime"}, "accent"),
        ({"accent": 3}, "accent"),
        ({"privacy_url": "javascript:alert(1)"}, "privacy_url"),
    ],
)
def test_what_it_cannot_show_is_refused_by_name(said: dict[str, Any], param: str):
    with pytest.raises(InvalidWidget) as refused:
        check_widget(WidgetSettings(name="Shop", appearance=said))

    assert refused.value.fields["param"] == f"appearance.{param}"
