"""Entries in files: what is read, what is refused and why, and that nothing makes the reader fail."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.widget.knowledge.entry import EntryDraft
from officium.apps.widget.knowledge.errors import ImportRefused
from officium.apps.widget.knowledge.import_file import FileFormat, read_entries

CSV = (
    "question,question_2,answer,tags,language,source_url,valid_from\n"
    '"What are your hours?|When do you open?",Are you open?,"9 to 18,\nevery day",hours; shop,en,'
    "https://shop.example/faq,2026-11-20\n"
)


def drafts(text: str, kind: FileFormat) -> list[EntryDraft]:
    return [each.draft for each in read_entries(text.encode(), kind)]


def test_csv_has_phrasings_in_one_cell_or_in_several():
    (entry,) = drafts(CSV, "csv")

    assert entry == EntryDraft(
        phrasings=("What are your hours?", "When do you open?", "Are you open?"),
        answer="9 to 18,\nevery day",
        tags=("hours", "shop"),
        language="en",
        source_url="https://shop.example/faq",
        valid_from=datetime(2026, 11, 20, tzinfo=UTC),
    )


def test_csv_of_other_countries_has_semicolons():
    (entry,) = drafts("question;answer\nWann?;Um 9, täglich\n", "csv")

    assert (entry.question, entry.answer) == ("Wann?", "Um 9, täglich")


def test_json_takes_several_names_and_spellings():
    text = '{"entries": [{"phrasings": ["A?", "B?"], "answer": "C", "sourceUrl": "https://x.example/"}]}'

    (entry,) = drafts(text, "json")

    assert (entry.phrasings, entry.source_url) == (("A?", "B?"), "https://x.example/")


def test_json_lines_are_one_entry_each():
    text = '{"id": "a", "phrasings": ["A?"], "answer": "1"}\n\n{"question": "B?", "answer": "2"}\n'

    assert [entry.question for entry in drafts(text, "jsonl")] == ["A?", "B?"]


def test_markdown_has_questions_in_headings():
    text = (
        "# Our shop\n\n## When do you open?\n## What are your hours?\n\nAt 9.\n\n- Sundays at 10\n\n"
        "## How do I pay?\n\n```\n# no heading\n```\n\n**Q: Is there parking?**\nA: Behind the house.\n"
    )

    found = [(entry.phrasings, entry.answer) for entry in drafts(text, "markdown")]

    assert found == [
        (("When do you open?", "What are your hours?"), "At 9.\n\n- Sundays at 10"),
        (("How do I pay?",), "```\n# no heading\n```"),
        (("Is there parking?",), "Behind the house."),
    ]


def test_everything_wrong_is_told_by_row_and_nothing_is_taken():
    text = "question,answer,source_url\nA?,1,\nB?,,\nA?,2,\nC?,3,javascript:alert(1)\n"

    with pytest.raises(ImportRefused) as caught:
        read_entries(text.encode(), "csv")

    assert [row["row"] for row in caught.value.fields["rows"]] == [3, 4, 5]


@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        pytest.param(b"PK\x03\x04" + bytes(99), "csv", "ZIP", id="a-spreadsheet"),
        pytest.param(b"\x1f\x8b\x08" + bytes(99), "json", "unpack", id="compressed"),
        pytest.param(b"%PDF-1.7", "markdown", "PDF", id="pdf"),
        pytest.param("question,answer\nÄ?,ö\n".encode("latin-1"), "csv", "line 2", id="latin-1"),
        pytest.param(b"question,answer\nA?,\0\n", "csv", "NUL", id="nul"),
        pytest.param(b"x" * (10 * 1024**2 + 1), "csv", "10 MB", id="too-large"),
        pytest.param(b"[" * 100_000, "json", "no JSON", id="deep-json"),
        pytest.param(b'"A?","1"\n', "csv", "first line", id="no-head"),
        pytest.param(b"question,answer,colour\nA?,1,red\n", "csv", "colour", id="unknown-column"),
        pytest.param(b'question,answer\n"A?,1\n', "csv", "no CSV", id="open-quote"),
        pytest.param(b"", "markdown", "no question", id="empty"),
        pytest.param(b"question,answer\n" + b"A%d?,1\n" * 3, "csv", "same question", id="doubles"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_plain_words(content: bytes, kind: FileFormat, why: str):
    with pytest.raises(ImportRefused, match=why):
        read_entries(content, kind)


def test_utf_16_is_read_where_the_file_says_so():
    (entry,) = [each.draft for each in read_entries("question,answer\nÄ?,ö\n".encode("utf-16"), "csv")]

    assert entry.question == "Ä?"


def test_markup_stays_what_was_typed_and_what_nobody_sees_goes():
    text = (
        '[{"question": "<script>alert(1)</script>\\u202e?", "answer": "<img src=x onerror=alert(1)>\\u0007"}]'
    )

    (entry,) = drafts(text, "json")

    assert entry.question == "<script>alert(1)</script>?"
    assert entry.answer == "<img src=x onerror=alert(1)>"


@given(st.binary(max_size=400), st.sampled_from(["csv", "json", "jsonl", "markdown"]))
def test_no_file_makes_the_reader_fail(content: bytes, kind: FileFormat):
    with contextlib.suppress(ImportRefused):
        read_entries(content, kind)


@given(st.text(max_size=300), st.sampled_from(["csv", "json", "jsonl", "markdown"]))
def test_no_text_makes_the_reader_fail(text: str, kind: FileFormat):
    heads = {"csv": "question,answer\n", "json": "", "jsonl": "", "markdown": "# A?\n"}
    with contextlib.suppress(ImportRefused):
        read_entries((heads[kind] + text).encode("utf-8", "surrogatepass"), kind)
