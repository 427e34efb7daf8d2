"""An entry of a widget's knowledge base: ways to ask something, and the answer."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import UNSET, Struct, UnsetType

from officium.apps.widget.knowledge.errors import InvalidEntry

State = Literal["live", "draft"]
"""Visitors are answered from live entries alone."""

MOST_ENTRIES = 100_000
"""As many may a widget's knowledge base have."""
MOST_PHRASINGS = 200
LONGEST_PHRASING = 1_000
LONGEST_ANSWER = 20_000
MOST_TAGS = 20
LONGEST_TAG = 50
LONGEST_URL = 2_048
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_HALF = re.compile("[\ud800-\udfff]")
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_KEPT = "\n\t\u200c\u200d"
"""Line ends, tabs, and the joiners that several scripts and emoji cannot do without."""


class EntryDraft(Struct, frozen=True, kw_only=True):
    """What an agency writes: several phrasings of one question, and what to answer.

    All of it is plain text, in which markup means nothing. It answers visitors from `valid_from` until before
    `valid_to`, where these are set.
    """

    phrasings: tuple[str, ...]
    answer: str
    language: str | None = None
    tags: tuple[str, ...] = ()
    source_url: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    state: State = "live"

    @property
    def question(self) -> str:
        """The first phrasing, by which the entry is known."""
        return self.phrasings[0]


class KnowledgeEntry(EntryDraft, frozen=True, kw_only=True):
    """An entry as it is kept. `version` is that of the knowledge base in which it was last changed."""

    id: int
    tenant_id: str
    widget_id: int
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str

    def is_valid(self, now: datetime) -> bool:
        """Whether visitors may be answered with it now."""
        begun = self.valid_from is None or self.valid_from <= now
        return self.state == "live" and begun and (self.valid_to is None or now < self.valid_to)


class EntryChanges(Struct, frozen=True, kw_only=True):
    """What is to become of an entry, or of many; what is not set stays as it is."""

    phrasings: tuple[str, ...] | UnsetType = UNSET
    answer: str | UnsetType = UNSET
    language: str | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    source_url: str | UnsetType | None = UNSET
    valid_from: datetime | UnsetType | None = UNSET
    valid_to: datetime | UnsetType | None = UNSET
    state: State | UnsetType = UNSET
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


DRAFT_FIELDS = EntryDraft.__struct_fields__


def draft_of(entry: EntryDraft) -> EntryDraft:
    """What the agency wrote, without what we know of it."""
    return EntryDraft(**{name: getattr(entry, name) for name in DRAFT_FIELDS})


def with_changes(entry: EntryDraft, changes: EntryChanges) -> EntryDraft:
    """The entry as it is to be; it is not checked yet."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in DRAFT_FIELDS}
    for name in DRAFT_FIELDS:
        if (said := getattr(changes, name)) is not UNSET:
            values[name] = said
    tags = [tag for tag in values["tags"] if tag not in changes.remove_tags]
    values["tags"] = (*tags, *(tag for tag in changes.add_tags if tag not in tags))
    return EntryDraft(**values)


UNANSWERED = "Write the answer here, then make the entry live."
"""Stands in a draft where its answer is still to be written; no visitor is ever told it."""


def checked_entry(draft: EntryDraft) -> EntryDraft:
    """The entry as it can be kept: without stray spaces and doubles. Raises InvalidEntry."""
    phrasings = _each_once(one_line(text) for text in draft.phrasings)
    if not 1 <= len(phrasings) <= MOST_PHRASINGS:
        raise InvalidEntry(f"An entry has 1 to {MOST_PHRASINGS} ways to ask its question.", param="phrasings")
    if any(len(text) > LONGEST_PHRASING for text in phrasings):
        raise InvalidEntry(f"A question has at most {LONGEST_PHRASING:,} characters.", param="phrasings")
    answer = plain_text(draft.answer)
    if not 1 <= len(answer) <= LONGEST_ANSWER:
        raise InvalidEntry(f"An answer has 1 to {LONGEST_ANSWER:,} characters.", param="answer")
    if draft.state == "live" and answer == UNANSWERED:
        raise InvalidEntry("Write the answer before the entry goes live.", param="answer")
    tags = _each_once(one_line(tag) for tag in draft.tags)
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise InvalidEntry(
            f"An entry has at most {MOST_TAGS} tags, of at most {LONGEST_TAG} characters.", param="tags"
        )
    if any(mark in tag for tag in tags for mark in ",;|"):
        raise InvalidEntry(
            "A tag has no comma, semicolon or bar in it: they stand between tags.", param="tags"
        )
    if draft.language is not None and not _LANGUAGE.fullmatch(draft.language):
        raise InvalidEntry("A language is written like `en` or `pt-BR`.", param="language")
    _check_url(draft.source_url)
    _check_times(draft)
    return EntryDraft(
        phrasings=phrasings,
        answer=answer,
        language=draft.language,
        tags=tags,
        source_url=draft.source_url,
        valid_from=draft.valid_from,
        valid_to=draft.valid_to,
        state=draft.state,
    )


def plain_text(text: str) -> str:
    """Text without characters nobody sees and few can store: controls, marks of direction, halves of others.

    Line ends become `\\n`; there are at most two in a row, and none at either end.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    if not text.isascii() or not text.isprintable():
        text = "".join(
            char
            for char in unicodedata.normalize("NFC", _HALF.sub("\ufffd", text))
            if char in _KEPT or unicodedata.category(char) not in _UNSEEN
        )
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def one_line(text: str) -> str:
    """Plain text in one line."""
    return " ".join(plain_text(text).split())


def folded(text: str) -> str:
    """What two phrasings have in common that differ in case, marks and spaces alone."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", plain)) or " ".join(plain.split())


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _check_url(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_fine = False
    if not is_fine or len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise InvalidEntry(
            "A source is the address of a page: https://... of at most 2,048 characters.", param="source_url"
        )


def _check_times(draft: EntryDraft) -> None:
    for name in ("valid_from", "valid_to"):
        said = getattr(draft, name)
        if said is not None and said.tzinfo is None:
            raise InvalidEntry(f"`{name}` says its time zone, as 2026-11-21T09:00:00Z does.", param=name)
    if draft.valid_from and draft.valid_to and draft.valid_from >= draft.valid_to:
        raise InvalidEntry("`valid_to` comes after `valid_from`.", param="valid_to")
