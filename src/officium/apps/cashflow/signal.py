"""What a note says about a deal's dates: typed, dated, and with the words it rests on."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import Field

from officium.apps.cashflow.period import later
from officium.apps.cashflow.spelling import Record

SignalKind = Literal["promised_date", "blocker", "dispute"]

LONGEST_QUOTE = 300
MOST_SIGNALS = 5
"""Of one deal; more are dropped."""
MOST_SHIFT_DAYS = 21
"""A signal moves a date by no more than this, whatever the note says."""
FRESH_DAYS = 90
"""Older notes move nothing."""
_BLOCKER_DAYS = 7
_DISPUTE_DAYS = 14
_TO_MACHINES = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|prompts?|rules|everything above)\b"
    r"|\bsystem prompt\b|\bas an? (ai|assistant|language model)\b|\byou are (now )?an? (ai|assistant|helpful)"
    r"|\bconfidence\b.{0,20}(=|:|\bto\b|\bof\b).{0,6}\d|\bdeal_id\b|\bpredicted_(invoice|payment)_date\b"
    r"|\b(output|respond|answer|reply)\b.{0,20}\b(json|only with)\b|</?data|\[\[mock\b"
    r"|\b(set|mark|change|move)\b.{0,30}\b(predict|forecast|invoice date|payment date|all deals|every deal)",
    re.IGNORECASE | re.DOTALL,
)


class NoteSignal(Record):
    """A signal that was found in a note. `quote` stands in that note, word for word.

    `on` is the promised day, or the day by which a blocker is to be gone; null where the note names none.
    `proposed_days` is by how much it would move the date it concerns, `shift_days` by how much it did: 0 as
    long as signals have not proved to help.
    """

    kind: SignalKind
    quote: str = Field(min_length=3, max_length=LONGEST_QUOTE)
    concerns: Literal["invoice", "payment"] = "invoice"
    on: date | None = None
    noted_on: date | None = None
    proposed_days: int = 0
    shift_days: int = 0


def speaks_to_machines(text: str) -> bool:
    """Whether a note seems to instruct whoever reads it by machine; such notes are not read."""
    return _TO_MACHINES.search(text) is not None


def proposed_shift(signal: NoteSignal, predicted: date, today: date) -> int:
    """By how many days the signal would move the date it concerns, within limits.

    A promise moves it towards the promised day. A blocker or a dispute only ever delays. What was noted too
    long ago, or promised for a day that has passed, moves nothing.
    """
    if signal.noted_on is not None and signal.noted_on < later(today, -FRESH_DAYS):
        return 0
    if signal.kind == "dispute":
        return _DISPUTE_DAYS
    if signal.on is None:
        return _BLOCKER_DAYS if signal.kind == "blocker" else 0
    if signal.on <= today:
        return 0
    days = (signal.on - predicted).days
    lowest = 0 if signal.kind == "blocker" else -MOST_SHIFT_DAYS
    return max(lowest, min(days, MOST_SHIFT_DAYS))


def strongest(signals: Iterable[NoteSignal], concerns: Literal["invoice", "payment"]) -> NoteSignal | None:
    """The signal that decides: the latest noted; of one day the one that moves most."""
    about = [signal for signal in signals if signal.concerns == concerns and signal.proposed_days]
    return max(about, key=lambda one: (one.noted_on or date.min, abs(one.proposed_days)), default=None)
