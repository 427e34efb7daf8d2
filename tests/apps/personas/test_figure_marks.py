"""Marks of figures in an answer that comes in pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from officium.apps.personas.figure_marks import FigureMarks

FACTS = {"recentAnalytics": {"users": 450, "conversions": 23, "revenue": 12500.5}, "message": ""}
ANSWER = "You have 450 users.\n\n1. Ask why only 23 convert.\n2. Your churn is 7.3 percent.\n"
MARKED = [("450", "matched"), ("23", "matched"), ("7.3 percent", "unmatched")]


def test_figures_stand_where_the_marks_say():
    marks = FigureMarks(FACTS)

    found = [*marks.feed(ANSWER), *marks.finish()]

    assert [(ANSWER[mark["start"] : mark["end"]], mark["status"]) for mark in found] == MARKED
    assert found[0]["source"] == "recentAnalytics.users"
    assert marks.counts == {"matched": 2, "unmatched": 1, "proposed": 0}


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_marks_are_the_same_however_the_answer_is_cut(cuts: list[int]):
    marks = FigureMarks(FACTS)
    places = [0, *sorted(cuts), len(ANSWER)]

    found = [mark for start, end in pairwise(places) for mark in marks.feed(ANSWER[start:end])]
    found += marks.finish()

    assert [(mark["text"], mark["status"]) for mark in found] == MARKED


def test_sentence_that_is_over_is_marked_before_the_answer_ends():
    marks = FigureMarks(FACTS)

    assert [mark["text"] for mark in marks.feed("You have 450 users.\nAnd then")] == ["450"]
    assert marks.finish() == []
