"""Titles that are made of what was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.conversations.conversation import checked_title, clean, title_from
from officium.core.conversations.errors import InvalidConversation


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("Hello", "Hello", id="short"),
        pytest.param("  What\n\tnow? ", "What now?", id="one-line"),
        pytest.param("## **Plan** for Q3", "Plan** for Q3", id="markdown"),
        pytest.param(
            "How should we finance the second plant in Poland, and what would the bank want to see?",
            "How should we finance the second plant in Poland, and what…",
            id="between-words",
        ),
        pytest.param("漢" * 80, "漢" * 59 + "…", id="without-spaces"),
        pytest.param("a\0b", "a\ufffdb", id="nul"),
        pytest.param("***", "", id="nothing"),
    ],
)
def test_title_is_made_of_the_first_words(text: str, title: str) -> None:
    assert title_from(text) == title


@given(st.text())
def test_title_is_short_and_on_one_line(text: str) -> None:
    title = title_from(text)

    assert len(title) <= 60
    assert len(title.splitlines()) <= 1


@given(st.text(st.characters(), max_size=50))
def test_cleaned_text_can_be_encoded_and_stays_clean(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned == clean(cleaned)


@pytest.mark.parametrize("title", ["", " \n ", "x" * 201])
def test_title_that_is_none_is_refused(title: str) -> None:
    with pytest.raises(InvalidConversation):
        checked_title(title)
