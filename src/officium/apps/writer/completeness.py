"""What a text had to say, and whether it does: by what the record demands, without a model."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import singledispatch

from msgspec import Struct

from officium.apps.writer import contexts as told
from officium.apps.writer import results as given
from officium.apps.writer.message_length import LONG, SHORT, measure

_BLANK = re.compile(r"\[[^\]\n]{2,40}\](?!\()|\{\{?[^}\n]{1,40}\}|<(?:[A-Z][a-z]+ ?){1,4}>|_{4,}|\bXX+\b")
"""Places that a person was to fill in."""
_WORD = re.compile(r"[^\W\d_]{4,}")


class Expectation(Struct, frozen=True):
    """Something a text had to do; `warning` tells the reader if it did not."""

    is_met: bool
    warning: str


def completeness_of(expectations: Iterable[Expectation]) -> float:
    """The share that is met; 1 where nothing was expected."""
    met = [one.is_met for one in expectations]
    return round(sum(met) / len(met), 4) if met else 1.0


@singledispatch
def expectations(result: given.Result, context: told.Context) -> Iterator[Expectation]:
    """What is expected of a result, given its context."""
    raise TypeError(f"nothing is known of {type(result).__name__}")


@expectations.register
def _of_email(result: given.DraftEmailResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.EmailDraftContext)
    yield _filled("subject", result.subject)
    yield _filled("body", result.body)
    yield _without_blanks(f"{result.subject}\n{result.body}")
    for deal in context.deal_contexts:
        yield Expectation(_has(result.body, deal.title), f"The mail does not mention {deal.title}.")
    if context.sender_name:
        yield Expectation(_has(result.body, context.sender_name), "The mail is not signed by its sender.")


@expectations.register
def _of_reminder(result: given.DraftReminderResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.ReminderDraftContext)
    texts = (("short version", result.short_version, SHORT), ("long version", result.long_version, LONG))
    for name, text, version in texts:
        yield _filled(name, text)
        length = measure(text, context.channel, version)
        yield Expectation(
            length.characters <= length.limit,
            f"The {name} has {length.characters} characters; {context.channel} should have {length.limit}.",
        )
    yield _without_blanks(f"{result.short_version}\n{result.long_version}")
    if context.channel == "email":
        yield _filled("subject", result.subject or "")
    for item in (context.deal_title, *context.missing_items):
        if item:
            yield Expectation(_has(result.long_version, item), f"The reminder does not mention {item}.")


@expectations.register
def _of_summary(result: given.DealSummaryResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.DealSummaryContext)
    yield _filled("summary", result.summary)
    yield _filled("next action", result.next_action)
    if context.notes:
        said = " ".join((result.summary, result.next_action, *result.blockers, *result.missing_info))
        same = context.language.split("-")[0] != "en" or bool(_words(" ".join(context.notes)) & _words(said))
        yield Expectation(same, "The summary takes nothing from the notes.")


@expectations.register
def _of_compliance(result: given.ComplianceResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.ComplianceContext)
    yield _filled("summary", result.summary)
    listed = {_folded(item) for item in result.missing_items}
    for item in missing_of(context):
        yield Expectation(_folded(item) in listed, f"{item} is required and missing, but not listed.")
    for item in context.present_items:
        yield Expectation(_folded(item) not in listed, f"{item} is listed as missing, but the record has it.")
    fits = (result.status == "compliant") <= (not result.missing_items)
    yield Expectation(fits, "The status says compliant although something is missing.")


@expectations.register
def _of_order(result: given.OrderReceivedResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.OrderReceivedContext)
    yield _filled("summary", result.summary)
    record = _folded(" ".join(_strings(context.model_dump(mode="json"))))
    if result.end_user is None:
        yield Expectation(bool(result.missing_info), "No end user was found, nor anything missing.")
        return
    yield Expectation(bool(result.quotes), "No words of the record are quoted for the end user.")
    for quote in result.quotes:
        yield Expectation(_folded(quote) in record, f"The record does not contain the quote {quote[:80]!r}.")


@expectations.register
def _of_notes(result: given.NoteSummaryResult, context: told.Context) -> Iterator[Expectation]:
    assert isinstance(context, told.NoteSummaryContext)
    yield _filled("summary", result.summary)
    yield Expectation(
        len(result.action_items) <= context.max_items,
        f"There are more than {context.max_items} action items.",
    )
    owners = {_folded(owner) for owner in result.owners}
    for item in result.action_items:
        if item.owner:
            yield Expectation(_folded(item.owner) in owners, f"{item.owner} is not among the owners.")


def missing_of(context: told.ComplianceContext) -> list[str]:
    """The required items that the record does not list as present, in their order."""
    present = {_folded(item) for item in context.present_items}
    return [item for item in context.required_items if _folded(item) not in present]


def _filled(name: str, text: str) -> Expectation:
    return Expectation(bool(text.strip()), f"The {name} is empty.")


def _without_blanks(text: str) -> Expectation:
    blank = _BLANK.search(text)
    return Expectation(blank is None, f"A place is left to be filled in: {blank.group() if blank else ''}.")


def _has(text: str, part: str) -> bool:
    return _folded(part) in _folded(text)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
