"""What edits show of somebody's style."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.writer.style import LONGEST_RULE, habits_in


@pytest.mark.parametrize(
    ("before", "after", "name", "rule"),
    [
        ("Dear John,\n\nthanks.", "Hi John,\n\nthanks.", "greeting", 'Greet with "Hi", not with "Dear".'),
        (
            "Ok.\n\nKind regards\nAda",
            "Ok.\n\nCheers\nAda",
            "closing",
            'Close with "Cheers", not with "Kind regards".',
        ),
        ("Great news!", "Great news.", "exclamation", "Use no exclamation marks."),
        ("Done 🎉", "Done", "emoji", "Use no emoji."),
        ("We need:\n- a form", "We need a form", "lists", "Write sentences, no lists."),
        (
            "Please utilize the form",
            "Please use the form",
            "word:utilize",
            'Write "use" instead of "utilize".',
        ),
        ("word " * 60, "word " * 30, "length", "Be brief: leave out what the reader does not need."),
    ],
)
def test_edit_shows_a_habit(before: str, after: str, name: str, rule: str) -> None:
    assert (name, rule) in [(one.name, one.rule) for one in habits_in(before, after)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The deal of Acme is late", "The deal of Globex is late"),
        ("It costs 450 euros", "It costs 540 euros"),
        ("Same words", "Same words"),
        ("", "New"),
    ],
)
def test_matter_is_no_habit(before: str, after: str) -> None:
    assert habits_in(before, after) == []


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_edit_can_be_looked_at(before: str, after: str) -> None:
    for habit in habits_in(before, after):
        assert 0 < len(habit.rule) <= LONGEST_RULE
        assert len(habit.name) <= 128
