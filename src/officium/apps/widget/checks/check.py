"""A saved question, and whether the knowledge base still answers it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from officium.apps.widget.checks.errors import InvalidSavedQuestion
from officium.apps.widget.knowledge.entry import folded, one_line

MOST_QUESTIONS = 500
MOST_FACTS = 20
LONGEST_QUESTION = 1_000
LONGEST_FACT = 500


class SavedQuestion(Struct, frozen=True, kw_only=True):
    """A question, and the facts its answer must state. What came of it is `None` before it was asked.

    `version` is the knowledge base's when it was asked; `missing` are the facts that were not stated, all of
    them where nothing was sure enough to answer.
    """

    id: int
    widget_id: int
    question: str
    facts: tuple[str, ...]
    has_passed: bool | None
    missing: tuple[str, ...]
    answer: str | None
    confidence: float | None
    version: int | None
    checked_at: datetime | None
    created_at: datetime


def missing_facts(answer: str, facts: Sequence[str]) -> tuple[str, ...]:
    """The facts that an answer does not state: case, marks and spaces do not matter, whole words do."""
    said = f" {folded(answer)} "
    return tuple(fact for fact in facts if f" {folded(fact)} " not in said)


def checked_question(question: str, facts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Both as they can be kept. Raises InvalidSavedQuestion."""
    asked = one_line(question)
    if not 1 <= len(asked) <= LONGEST_QUESTION:
        raise InvalidSavedQuestion(f"A question has 1 to {LONGEST_QUESTION:,} characters.", param="question")
    kept = tuple(dict.fromkeys(fact for said in facts if (fact := one_line(said))))
    if not 1 <= len(kept) <= MOST_FACTS or any(len(fact) > LONGEST_FACT for fact in kept):
        raise InvalidSavedQuestion(
            f"Name 1 to {MOST_FACTS} facts, of at most {LONGEST_FACT} characters.", param="facts"
        )
    return asked, kept
