"""What stands around the words that were found."""

from hypothesis import given
from hypothesis import strategies as st

from officium.core.conversations.search import excerpt_around, fold


def test_excerpt_has_the_words_in_the_middle() -> None:
    text = "before " * 40 + "the NEEDLE here" + " after" * 40

    excerpt = excerpt_around(text, "needle")

    assert "the NEEDLE here" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) < 200


def test_excerpt_of_a_short_text_is_all_of_it() -> None:
    assert excerpt_around("Die\nStraße", fold("STRASSE")) == "Die Straße"


@given(st.text(max_size=300), st.text(min_size=1, max_size=3), st.text(max_size=300))
def test_what_was_found_stands_in_its_excerpt(before: str, words: str, after: str) -> None:
    folded = fold(words)
    text = before + words + after

    if folded in fold(text) and folded.strip():
        assert " ".join(folded.split()) in " ".join(fold(excerpt_around(text, folded)).split())
