"""Text and HTML of a mail say the same."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.writer.letter import letter_html, tidy_body, tidy_subject, with_prefix


def words_of_html(html: str) -> list[str]:
    return unescape(re.sub(r"<[^>]*>", " ", html)).split()


def words_of_text(text: str) -> list[str]:
    lines = [re.sub(r"^[ \t]*[-*•][ \t]+(?=\S)", "", line) for line in tidy_body(text).split("\n")]
    return " ".join(lines).split()


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=300))
def test_html_says_what_the_text_says(text: str) -> None:
    assert words_of_html(letter_html(text, "en")) == words_of_text(text)


def test_markup_in_the_text_stays_text() -> None:
    html = letter_html('<script>alert("x")</script> & more', "en")

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_paragraphs_lines_and_lists() -> None:
    html = letter_html("Hello,\n\nwe need:\n- a form\n- a date\n\nRegards\nAda", "de")

    assert html == (
        '<div lang="de" dir="ltr">\n<p>Hello,</p>\n<p>we need:</p>\n<ul><li>a form</li><li>a date</li></ul>\n'
        "<p>Regards<br>Ada</p>\n</div>"
    )


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("he-IL", "rtl"), ("ku-Latn", "ltr")])
def test_right_to_left_languages_are_marked(language: str, direction: str) -> None:
    assert f'dir="{direction}"' in letter_html("text", language)


@pytest.mark.parametrize(
    ("subject", "tidy"),
    [
        ("Follow-up: Follow-up on overdue deals", "Follow-up on overdue deals"),
        ("Follow-up: overdue deals", "Follow-up: overdue deals"),
        ("Re: Re: quote", "Re: Re: quote"),
        ("Reminder:\nReminder about X", "Reminder about X"),
    ],
)
def test_subjects_do_not_repeat_themselves(subject: str, tidy: str) -> None:
    assert tidy_subject(subject) == tidy


def test_prefix_is_added_only_where_it_is_missing() -> None:
    assert with_prefix("Follow-up", "Follow up on deals") == "Follow up on deals"
    assert with_prefix("Follow-up", "Overdue deals") == "Follow-up: Overdue deals"
