"""What somebody's edits show of their style: habits that can be said in a sentence, and hold of other mails.

No word of a habit comes from the matter of a mail: only greetings, closings, and small words in place of
others are learnt, so nothing of one customer gets into another's letter.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher

from msgspec import Struct

SEEN_ENOUGH = 2
"""In so many edits a habit must have been seen before it becomes a rule that counts."""
MOST_RULES = 50
LONGEST_RULE = 300
_WORDS_COMPARED = 2000
_MOST_SWAPS = 5
_SHORTER = 0.7
_LONGER = 1.4
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]|\d+")  # noqa: RUF001
_GREETING = re.compile(
    r"(dear|hi|hello|hey|good (?:morning|afternoon|day)|hallo|liebe[r]?|guten tag|sehr geehrte[r]?|servus"
    r"|moin|bonjour|chère?|salut|hola|estimad[oa]|buenos días|مرحباً?|عزيزي|السيد)\b",
    re.IGNORECASE,
)
_CLOSINGS = frozenset(
    """
    kind regards|best regards|warm regards|regards|best wishes|best|sincerely|yours sincerely|cheers|thanks
    many thanks|thank you|mit freundlichen grüßen|freundliche grüße|viele grüße|beste grüße|liebe grüße
    herzliche grüße|cordialement|bien à vous|bien cordialement|un cordial saludo|saludos|saludos cordiales
    مع أطيب التحيات|مع التحية|تحياتي
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
_EMOJI = re.compile(r"[\U0001F300-\U0001FAFF\u2600-\u27BF]")
_SMALL = re.compile(r"[^\W\d_]{2,20}")


class Habit(Struct, frozen=True):
    """Something an edit shows: `name` is the same whenever it is seen, `rule` a sentence for a writer."""

    name: str
    rule: str


class StyleRule(Struct, frozen=True, kw_only=True):
    """A rule of somebody's style, seen in `times` edits. Only what `is_on` counts."""

    id: str
    owner_id: str
    habit: str
    rule: str
    times: int
    is_on: bool
    is_chosen: bool
    created_at: datetime
    updated_at: datetime


def habits_in(before: str, after: str) -> list[Habit]:
    """The habits that an edit from one text to another shows."""
    if not before.strip() or not after.strip():
        return []
    return [
        *_greeting(before, after),
        *_closing(before, after),
        *_form(before, after),
        *_swaps(before, after),
    ]


def _greeting(before: str, after: str) -> Iterator[Habit]:
    old, new = _GREETING.match(before.strip()), _GREETING.match(after.strip())
    if old and new and old[1].lower() != new[1].lower():
        yield Habit("greeting", f'Greet with "{new[1]}", not with "{old[1]}".')


def _closing(before: str, after: str) -> Iterator[Habit]:
    old, new = _closing_of(before), _closing_of(after)
    if new and old and old.lower() != new.lower():
        yield Habit("closing", f'Close with "{new}", not with "{old}".')


def _closing_of(text: str) -> str | None:
    for line in reversed(text.strip().splitlines()[-4:]):
        plain = line.strip().rstrip(",.!،")
        if plain.lower() in _CLOSINGS:
            return plain
    return None


def _form(before: str, after: str) -> Iterator[Habit]:
    old, new = len(before.split()), len(after.split())
    if old >= 40 and new <= old * _SHORTER:
        yield Habit("length", "Be brief: leave out what the reader does not need.")
    elif old >= 20 and new >= old * _LONGER:
        yield Habit("length", "Explain a little more: reasons and next steps.")
    if "!" in before and "!" not in after:
        yield Habit("exclamation", "Use no exclamation marks.")
    if _EMOJI.search(before) and not _EMOJI.search(after):
        yield Habit("emoji", "Use no emoji.")
    elif _EMOJI.search(after) and not _EMOJI.search(before):
        yield Habit("emoji", "An emoji is welcome.")
    listed, lists = re.search(r"^[-*•] ", before, re.MULTILINE), re.search(r"^[-*•] ", after, re.MULTILINE)
    if listed and not lists:
        yield Habit("lists", "Write sentences, no lists.")
    elif lists and not listed:
        yield Habit("lists", "Use a list where there are several points.")


def _swaps(before: str, after: str) -> Iterator[Habit]:
    """Single small words that were put in the place of others, wherever they stood."""
    old, new = _WORD.findall(before)[:_WORDS_COMPARED], _WORD.findall(after)[:_WORDS_COMPARED]
    found: dict[str, str] = {}
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "replace" and i2 - i1 == 1 and j2 - j1 == 1:
            was, now = old[i1], new[j1]
            is_small = was.islower() and now.islower() and _SMALL.fullmatch(was) and _SMALL.fullmatch(now)
            if is_small and was not in new:
                found[was] = now
    for was, now in list(found.items())[:_MOST_SWAPS]:
        yield Habit(f"word:{was}", f'Write "{now}" instead of "{was}".')
