"""Texts without a model: filled in from the record, plain but usable, and marked as what they are."""

import re
from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from officium.apps.writer import contexts as told
from officium.apps.writer import results as given
from officium.apps.writer.completeness import missing_of
from officium.apps.writer.languages import direction_of
from officium.apps.writer.letter import letter_html, tidy_subject, with_prefix
from officium.apps.writer.message_length import LONG, SHORT, fit, measure
from officium.apps.writer.phrases import Phrases, phrases_for

WARNING = "No model wrote this: {reason} It was filled in from the record; read it before you use it."
OTHER_LANGUAGE = "There is no plain text in the language {language}; this one is in English."

_TO_DO = re.compile(
    r"^[\s*-]*(?:\[ \]\s*)?(?:to ?do|action|next step|aufgabe|à faire|pendiente)\s*[:-]\s*(\S.*)",
    re.IGNORECASE,
)
_LONGEST_NOTE = 300
_NOTES_SHOWN = 3
_WANTED_OF_DEAL = ("customer_name", "owner_name", "amount", "expected_close")


def plain_result(context: told.Context, reason: str) -> given.Result:
    """The result of a kind of context without a model; `reason` is a sentence that says why."""
    phrases, language = phrases_for(context.language)
    result = _plain(context, phrases)
    warnings = [WARNING.format(reason=reason)]
    if language != context.language:
        warnings.append(OTHER_LANGUAGE.format(language=context.language))
    about = {"is_fallback": True, "confidence": 0.0, "warnings": warnings}
    return result.model_copy(update={**about, "language": language, "direction": direction_of(language)})


@singledispatch
def _plain(context: told.Context, phrases: Phrases) -> given.Result:
    raise TypeError(f"nothing is known of {type(context).__name__}")


@_plain.register
def _email(context: told.EmailDraftContext, phrases: Phrases) -> given.Result:
    deals = [_deal_line(deal, phrases) for deal in context.deal_contexts]
    parts = [
        phrases.greeting,
        phrases.about.format(intent=context.subject_intent),
        "\n".join(deals),
        phrases.close,
        _signature(phrases, context.sender_name),
    ]
    body = "\n\n".join(part for part in parts if part)
    _, language = phrases_for(context.language)
    subject = tidy_subject(with_prefix(phrases.follow_up, context.subject_intent))
    html = letter_html(body, language)
    return given.DraftEmailResult(confidence=0.0, subject=subject, body=body, html=html)


@_plain.register
def _reminder(context: told.ReminderDraftContext, phrases: Phrases) -> given.Result:
    reminder = phrases.reminder.format(about=context.about)
    details = list(_details(context, ("deal_title", "stage", "due_date", "days_overdue"), phrases))
    details += _money(context, phrases)
    if context.missing_items:
        details.append(f"{phrases.labels['missing_items']}: {', '.join(context.missing_items)}")
    name = context.recipient_name
    head = phrases.greeting_by_name.format(name=name) if name else phrases.greeting
    lines = "\n".join(f"- {line}" for line in details)
    is_mail = context.channel == "email"
    signature = _signature(phrases, context.sender_name) if is_mail else context.sender_name or ""
    parts = [head, reminder, lines, phrases.please, signature]
    _, language = phrases_for(context.language)
    long = fit("\n\n".join(part for part in parts if part), context.channel, LONG)
    short = fit(" ".join([_sentence(reminder), *map(_sentence, details[:2])]), context.channel, SHORT)
    return given.DraftReminderResult(
        confidence=0.0,
        short_version=short,
        long_version=long,
        tags=["reminder"],
        channel=context.channel,
        subject=tidy_subject(reminder) if is_mail else None,
        html=letter_html(long, language) if is_mail else None,
        short_length=measure(short, context.channel, SHORT),
        long_length=measure(long, context.channel, LONG),
    )


@_plain.register
def _summary(context: told.DealSummaryContext, phrases: Phrases) -> given.Result:
    facts = [*_details(context, ("stage", "days_in_stage", "owner_name", "customer_name"), phrases)]
    facts += [*_money(context, phrases), *_details(context, ("expected_close",), phrases)]
    latest = _shortened(context.notes[-1]) if context.notes else ""
    head = f"{context.deal_title}: {'; '.join(facts)}." if facts else f"{context.deal_title}."
    unknown = [phrases.labels[name] for name in _WANTED_OF_DEAL if getattr(context, name) is None]
    return given.DealSummaryResult(
        confidence=0.0,
        summary=f"{head} {latest}".strip(),
        next_action=phrases.see_notes,
        missing_info=unknown,
    )


@_plain.register
def _compliance(context: told.ComplianceContext, phrases: Phrases) -> given.Result:
    missing = missing_of(context)
    return given.ComplianceResult(
        confidence=0.0,
        status="non_compliant" if missing else "needs_review",
        missing_items=missing,
        summary=phrases.missing.format(items=", ".join(missing)) if missing else phrases.nothing_missing,
    )


@_plain.register
def _order(context: told.OrderReceivedContext, phrases: Phrases) -> given.Result:
    facts = [*_details(context, ("order_number", "order_date", "customer_name", "stage"), phrases)]
    facts += _money(context, phrases)
    head = f"{context.deal_title}: {'; '.join(facts)}." if facts else f"{context.deal_title}."
    return given.OrderReceivedResult(
        confidence=0.0, summary=head, missing_info=[phrases.end_user], next_action=phrases.ask_end_user
    )


@_plain.register
def _notes(context: told.NoteSummaryContext, phrases: Phrases) -> given.Result:
    texts = [note if isinstance(note, str) else note.text for note in context.notes]
    lines = [line for text in texts for line in text.splitlines()]
    found = [match.group(1).strip() for line in lines if (match := _TO_DO.match(line))]
    return given.NoteSummaryResult(
        confidence=0.0,
        summary="\n".join(f"- {_shortened(text)}" for text in texts[-_NOTES_SHOWN:]),
        action_items=[given.ActionItem(action=_shortened(one)) for one in found[: context.max_items]],
    )


def _deal_line(deal: told.DealContext, phrases: Phrases) -> str:
    details = [*_details(deal, ("pipeline", "stage", "due_date"), phrases), *_money(deal, phrases)]
    line = f"- {deal.title}" + (f" ({'; '.join(details)})" if details else "")
    return f"{line}: {deal.issue}" if deal.issue else line


def _details(record: Any, names: tuple[str, ...], phrases: Phrases) -> Iterator[str]:
    for name in names:
        value = getattr(record, name)
        if value is not None and value != "":
            yield f"{phrases.labels[name]}: {value}"


def _money(record: Any, phrases: Phrases) -> list[str]:
    if record.amount is None:
        return []
    return [f"{phrases.labels['amount']}: {record.amount:,f} {record.currency or ''}".strip()]


def _signature(phrases: Phrases, sender: str | None) -> str:
    return f"{phrases.regards}\n{sender}" if sender else phrases.regards


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "؟")) else f"{text}."


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NOTE else f"{line[: _LONGEST_NOTE - 1].rstrip()}…"
