from hypothesis import given, settings
from hypothesis import strategies as st

from officium.core.grounding import Checker, Marker, read_facts

CONTEXT = {
    "recentAnalytics": {"sessions": 1500, "users": 450, "revenue": 12500.50},
    "deals": [
        {"title": "Project Alpha", "amount": 450000, "close": "2026-12-15"},
        {"title": "Project Beta", "amount": 1250000, "close": "2027-01-20"},
    ],
}
CHECKER = Checker(read_facts(CONTEXT))
WORDS = st.sampled_from(
    (
        "You have 1,500 sessions.",
        " approx. 450 users",
        "\n",
        " ",
        "1. ",
        "**$12.5k**",
        "! ",
        "14. März",
        "| 450 |",
        "\n## Project Alpha\n",
        "It is worth $450,000",
        ". ",
        "Project Beta (1.25M)",
        "Mr. X.",
        "٤٥٠ مستخدم؟ ",
        "grew 5%",
    )
)


@settings(deadline=None, max_examples=60)
@given(st.lists(WORDS, max_size=14).map("".join), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_however_a_text_is_cut_the_findings_are_those_of_the_whole(text: str, sizes: list[int]) -> None:
    marker, found, start = Marker(CHECKER), [], 0

    for number in range(len(text)):
        piece = text[start : start + sizes[number % len(sizes)]]
        found += marker.feed(piece)
        start += len(piece)
    found += marker.close()

    assert tuple(found) == CHECKER.check(text).findings


def test_a_finding_comes_when_its_sentence_is_over_and_not_at_the_end() -> None:
    marker = Marker(CHECKER)

    early = marker.feed("You had 470 users.")
    late = marker.feed(" The rest of the story comes in a moment.")

    assert early == []
    assert [(one.figure.text, one.figure.start, one.status) for one in late] == [("470", 8, "unmatched")]


def test_places_are_those_in_the_whole_text() -> None:
    marker = Marker(CHECKER)
    text = "First line.\nYou had 1,500 sessions.\nAnd 450 users."

    found = [*marker.feed(text[:20]), *marker.feed(text[20:]), *marker.close()]

    assert [text[one.figure.start : one.figure.end] for one in found] == ["1,500", "450"]


def test_nothing_comes_twice_after_the_end() -> None:
    marker = Marker(CHECKER)
    marker.feed("450 users")

    assert len(marker.close()) == 1
    assert marker.close() == []
