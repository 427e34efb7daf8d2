"""A draft as it is kept for a while, and what became of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

OutcomeName = Literal["accepted", "edited", "rejected"]
KEPT = timedelta(days=90)
"""After this a draft's words are forgotten; what became of it stays."""
_WORDS_COMPARED = 3000
MAIN_FIELDS: Mapping[str, str] = {"email": "body", "reminder": "long_version"}
"""The field that an edited text stands for, by kind; `summary` for all others."""


class Draft(Struct, frozen=True, kw_only=True):
    """What was written, for whom, and how sure it was: `raw_confidence` before feedback counted."""

    id: str
    owner_id: str
    kind: str
    language: str
    texts: dict[str, str]
    raw_confidence: float
    confidence: float
    prompt: str | None = None
    variant: str | None = None
    experiment_id: str | None = None
    created_at: datetime
    created_by: str

    @property
    def main_text(self) -> str:
        """The text that people edit."""
        return self.texts.get(main_field(self.kind), "")


class Feedback(Struct, frozen=True, kw_only=True):
    """What became of a draft. `worth` is 1 for accepted, 0 for rejected, and what was left for edited."""

    draft_id: str
    kind: str
    outcome: OutcomeName
    worth: float
    raw_confidence: float
    confidence: float
    created_at: datetime
    created_by: str


def main_field(kind: str) -> str:
    """The field of a kind that people edit."""
    return MAIN_FIELDS.get(kind, "summary")


def worth_of(outcome: OutcomeName, before: str = "", after: str = "") -> float:
    """How good a draft was, from 0 to 1: of an edited one, the share of words that stayed in their order."""
    if outcome != "edited":
        return 1.0 if outcome == "accepted" else 0.0
    old, new = before.split()[:_WORDS_COMPARED], after.split()[:_WORDS_COMPARED]
    return round(SequenceMatcher(None, old, new, autojunk=False).ratio(), 4) if old or new else 1.0
