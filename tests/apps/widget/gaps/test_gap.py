"""Which unanswered questions are one gap."""

from datetime import UTC, datetime, timedelta

from officium.apps.widget.gaps.gap import UnansweredQuestion, find_gaps

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def question(id: int, text: str, *, is_disliked: bool = False) -> UnansweredQuestion:
    return UnansweredQuestion(id=id, text=text, is_disliked=is_disliked, asked_at=NOW + timedelta(minutes=id))


def test_questions_that_ask_for_the_same_are_one_gap_and_the_most_asked_comes_first():
    found = find_gaps(
        [
            question(1, "Do you sell gift cards?"),
            question(2, "Where can I park?"),
            question(3, "do you sell giftcards", is_disliked=True),
            question(4, "Do you sell gift cards?"),
        ]
    )

    assert [(gap.count, gap.disliked, gap.request_ids) for gap in found] == [(3, 1, (4, 3, 1)), (1, 0, (2,))]
    assert found[0].phrasings == ("Do you sell gift cards?", "do you sell giftcards")
    assert found[0].last_asked_at == NOW + timedelta(minutes=4)


def test_what_has_no_words_is_no_question():
    assert find_gaps([question(1, " ")]) == []
