"""The kinds of texts: the prompt for a context, what fills its blanks, and what becomes of the answer."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from officium.apps.writer import answers as asked
from officium.apps.writer import contexts as told
from officium.apps.writer import results as given
from officium.apps.writer.languages import direction_of, name_of
from officium.apps.writer.letter import letter_html, tidy_body, tidy_subject
from officium.apps.writer.message_length import LONG, SHORT, fit, limit_of, measure
from officium.apps.writer.record import lines_of

_CHANNELS = {"whatsapp": "WhatsApp", "sms": "SMS", "email": "e-mail"}
_SAID_ELSEWHERE = {
    *("previous_mail", "sender_name", "recipients", "subject_intent", "recipient_name", "about")
}


class Kind(Struct, frozen=True):
    """How one kind of text is asked for. `name` is that of the kind in logs, drafts and calibration."""

    name: str
    prompt: str
    answer: type[BaseModel]


def kind_of(context: told.Context) -> Kind:
    """The kind of text that a context asks for."""
    if isinstance(context, told.ReminderDraftContext) and context.channel == "email":
        return _REMINDER_BY_MAIL
    return _KINDS[type(context)]


_KINDS: Mapping[type[told.Context], Kind] = {
    told.EmailDraftContext: Kind("email", "email.followup.v1", asked.EmailAnswer),
    told.ReminderDraftContext: Kind("reminder", "reminder.whatsapp.v1", asked.ReminderAnswer),
    told.DealSummaryContext: Kind("deal_summary", "deal.summarize.v1", asked.DealSummaryAnswer),
    told.ComplianceContext: Kind("compliance", "deal.compliance_check.v1", asked.ComplianceAnswer),
    told.OrderReceivedContext: Kind(
        "order_received", "deal.order_received_analysis.v1", asked.OrderReceivedAnswer
    ),
    told.NoteSummaryContext: Kind("notes", "notes.summarize.v1", asked.NoteSummaryAnswer),
}
_REMINDER_BY_MAIL = Kind("reminder", "reminder.email.v1", asked.ReminderEmailAnswer)
KIND_NAMES = tuple(kind.name for kind in _KINDS.values())


@singledispatch
def variables_of(context: told.Context) -> dict[str, Any]:
    """What fills the blanks of the kind's prompt."""
    return {"record": lines_of(context.record()), "language": name_of(context.language)}


@variables_of.register
def _for_email(context: told.EmailDraftContext) -> dict[str, Any]:
    deals = [{"deal": deal.title, **_without(deal.record(), {"title"})} for deal in context.deal_contexts]
    more = _without(context.record(), _SAID_ELSEWHERE | {"deal_contexts", "notes"})
    return {
        "intent": context.subject_intent,
        "recipients": ", ".join(context.recipients),
        "record": lines_of({"deals": deals, "notes": context.notes, **more}),
        "previous_mail": context.previous_mail,
        "sender": context.sender_name,
        "tone": context.tone,
        "language": name_of(context.language),
    }


@variables_of.register
def _for_reminder(context: told.ReminderDraftContext) -> dict[str, Any]:
    return {
        "about": context.about,
        "record": lines_of(_without(context.record(), _SAID_ELSEWHERE)),
        "recipient": context.recipient_name,
        "sender": context.sender_name,
        "channel": _CHANNELS[context.channel],
        "short_limit": limit_of(context.channel, SHORT, context.language),
        "long_limit": limit_of(context.channel, LONG, context.language),
        "tone": context.tone,
        "language": name_of(context.language),
    }


@variables_of.register
def _for_compliance(context: told.ComplianceContext) -> dict[str, Any]:
    return {
        "record": lines_of(_without(context.record(), {"required_items"})),
        "required": "\n".join(f"- {item}" for item in context.required_items),
        "language": name_of(context.language),
    }


@variables_of.register
def _for_notes(context: told.NoteSummaryContext) -> dict[str, Any]:
    return {
        "notes": lines_of({"notes": context.record()["notes"]}).removeprefix("Notes:\n"),
        "title": context.title,
        "max_items": context.max_items,
        "language": name_of(context.language),
    }


def shaped(context: told.Context, answer: BaseModel) -> given.Result:
    """The result that an answer makes, before anything is known of its worth."""
    about: dict[str, Any] = {
        "confidence": 0.0,
        "language": context.language,
        "direction": direction_of(context.language),
    }
    match answer:
        case asked.EmailAnswer():
            body = tidy_body(answer.body)
            return given.DraftEmailResult(
                **about,
                subject=tidy_subject(answer.subject),
                body=body,
                html=letter_html(body, context.language),
                suggestions=answer.suggestions,
            )
        case asked.ReminderAnswer():
            assert isinstance(context, told.ReminderDraftContext)
            return _reminder(context, answer, about)
        case asked.DealSummaryAnswer():
            return given.DealSummaryResult(**about, **answer.model_dump())
        case asked.ComplianceAnswer():
            return given.ComplianceResult(**about, **answer.model_dump())
        case asked.OrderReceivedAnswer():
            end_user = (answer.end_user or "").strip() or None
            return given.OrderReceivedResult(
                **about,
                **{**answer.model_dump(), "end_user": end_user},
                end_user_identified=end_user is not None,
            )
        case asked.NoteSummaryAnswer():
            return given.NoteSummaryResult(**about, **answer.model_dump())
    raise TypeError(f"nothing is known of {type(answer).__name__}")


def _reminder(
    context: told.ReminderDraftContext, answer: asked.ReminderAnswer, about: dict[str, Any]
) -> given.DraftReminderResult:
    short, long = tidy_body(answer.short_version), tidy_body(answer.long_version)
    warnings = []
    for name, text, version in (("short", short, SHORT), ("long", long, LONG)):
        if fit(text, context.channel, version) != text:
            warnings.append(f"The {name} version was too long for {_CHANNELS[context.channel]} and was cut.")
    short, long = fit(short, context.channel, SHORT), fit(long, context.channel, LONG)
    is_mail = isinstance(answer, asked.ReminderEmailAnswer)
    return given.DraftReminderResult(
        **about,
        warnings=warnings,
        short_version=short,
        long_version=long,
        tags=answer.tags[:10],
        channel=context.channel,
        subject=tidy_subject(answer.subject) if isinstance(answer, asked.ReminderEmailAnswer) else None,
        html=letter_html(long, context.language) if is_mail else None,
        short_length=measure(short, context.channel, SHORT),
        long_length=measure(long, context.channel, LONG),
    )


def _without(record: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}
