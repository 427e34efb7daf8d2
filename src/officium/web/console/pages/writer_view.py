"""What the writer's page shows and reads: its forms, and a draft with its claims and what speaks for it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

import nh3
from markupsafe import Markup
from msgspec import Struct
from pydantic import ValidationError

from officium.apps.cashflow.deals import Deal, SavedNote
from officium.apps.writer import (
    ComplianceContext,
    Context,
    DealSummaryContext,
    DraftClaim,
    EmailDraftContext,
    NoteSummaryContext,
    OrderReceivedContext,
    ReminderDraftContext,
    Result,
)
from officium.apps.writer.calibration import Reliability
from officium.apps.writer.draft import main_field
from officium.apps.writer.kinds import kind_of
from officium.kit.errors import InvalidRequest
from officium.web.console.pages.prompt_view import object_in

Input = Literal["line", "lines", "text", "mails", "number", "date", "tone", "channel"]
Form = Mapping[str, str]
TONES = ("professional", "friendly", "formal", "concise", "urgent", "apologetic", "persuasive")
CHANNELS = ("email", "whatsapp", "sms")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ar", "he", "fa", "tr", "zh", "ja")
_SURE, _FAIR = 0.75, 0.5
_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
_MAIL_END = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)
_TAGS = {"div", "p", "br", "ul", "li"}
_PLOT = 260.0


class Blank(Struct, frozen=True):
    """A field of a form."""

    name: str
    input: Input = "line"
    is_required: bool = False


@dataclass(frozen=True)
class Task:
    """Something to be written: its context, and the fields that are asked for."""

    context: type[Context]
    about: tuple[Blank, ...]
    deal: tuple[Blank, ...]
    has_tone: bool = False


def _blanks(said: str) -> tuple[Blank, ...]:
    """Fields such as `title! notes:lines`: with what is typed behind a colon, and `!` for what is needed."""
    found = []
    for word in said.split():
        name, _, kind = word.removesuffix("!").partition(":")
        found.append(Blank(name, cast("Input", kind or "line"), word.endswith("!")))
    return tuple(found)


TASKS: Mapping[str, Task] = {
    "email": Task(
        EmailDraftContext,
        _blanks("recipients:lines! subject_intent! sender_name"),
        _blanks(
            "deal_title pipeline stage owner_name issue amount:number currency due_date:date notes:lines "
            "previous_mail:text"
        ),
        has_tone=True,
    ),
    "reminder": Task(
        ReminderDraftContext,
        _blanks("channel:channel about! recipient_name sender_name"),
        _blanks(
            "deal_title stage due_date:date days_overdue:number amount:number currency missing_items:lines "
            "notes:lines"
        ),
        has_tone=True,
    ),
    "deal_summary": Task(
        DealSummaryContext,
        (),
        _blanks(
            "deal_title! pipeline stage owner_name customer_name amount:number currency "
            "days_in_stage:number expected_close:date notes:lines"
        ),
    ),
    "compliance": Task(
        ComplianceContext,
        _blanks("required_items:lines present_items:lines"),
        _blanks("deal_title! stage owner_name notes:lines"),
    ),
    "order_received": Task(
        OrderReceivedContext,
        _blanks("order_number order_date:date emails:mails"),
        _blanks("deal_title! customer_name amount:number currency notes:lines"),
    ),
    "notes": Task(NoteSummaryContext, _blanks("title notes:lines! max_items:number"), ()),
}


def form_of_deal(deal: Deal, notes: Sequence[SavedNote], today: date) -> dict[str, str]:
    """What is known of a deal in the store, in the fields of the forms."""
    said: dict[str, Any] = {
        "deal_title": deal.title,
        "pipeline": deal.pipeline,
        "stage": deal.stage,
        "owner_name": deal.owner_name,
        "customer_name": deal.customer,
        "amount": f"{deal.value:f}" if deal.value else "",
        "currency": deal.currency if deal.value else "",
        "days_in_stage": max(0, (today - deal.stage_changed_on).days),
        "expected_close": deal.expected_close_on or "",
        "notes": "\n".join(" ".join(note.text.split()) for note in notes),
    }
    return {name: str(value) for name, value in said.items()}


def context_in(form: Form, label: Callable[[str], str]) -> Context:
    """What the form tells. Raises InvalidRequest with every field that makes no sense, by its `label`."""
    task = TASKS.get(form.get("task", ""))
    if task is None:
        raise InvalidRequest(f"The tasks are {', '.join(TASKS)}.", param="task")
    if form.get("mode") == "json":
        told = object_in(form.get("record", ""), "record") or {}
    else:
        told = dict(_told(task, form))
    shared = {"language": form.get("language", "").strip() or "en"}
    if task.has_tone and form.get("tone"):
        shared["tone"] = form["tone"]
    if samples := form.get("samples", ""):
        shared["samples"] = samples
    try:
        return task.context.model_validate({**shared, **told})
    except ValidationError as error:
        known = {blank.name for blank in (*task.about, *task.deal)}
        faults = []
        for one in error.errors()[:8]:
            name = path_of(one["loc"])
            faults.append(f"{label(name) if name in known else name}: {one['msg']}")
        raise InvalidRequest(f"{'; '.join(faults)}.", param=path_of(error.errors()[0]["loc"])) from error


def _told(task: Task, form: Form) -> Iterator[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for blank in (*task.about, *task.deal):
        said = form.get(blank.name, "").replace("\r\n", "\n").strip()
        if not said:
            continue
        if blank.input == "lines":
            found[blank.name] = [line.strip() for line in said.split("\n") if line.strip()]
        elif blank.input == "mails":
            found[blank.name] = [mail.strip() for mail in _MAIL_END.split(said) if mail.strip()]
        else:
            found[blank.name] = said.replace(",", "") if blank.input == "number" else said
    if task.context is EmailDraftContext:
        names = {blank.name for blank in task.deal} - {"notes", "previous_mail"}
        deal = {name: found.pop(name) for name in names & set(found)}
        if deal:
            deal["title"] = deal.pop("deal_title", "")
            found["deal_contexts"] = [deal]
    yield from found.items()


def path_of(steps: Sequence[Any]) -> str:
    """Where in a context something stands, in our spelling."""
    names = [_CAPITAL.sub(lambda found: f"_{found[0].lower()}", str(step)) for step in steps]
    if names[:1] == ["deal_contexts"]:
        names = ["deal_title" if name == "title" else name for name in names[2:]]
    return ".".join(names) or "the record"


@dataclass(frozen=True)
class Part:
    """A stretch of a text; `claim` is the number of the claim it makes."""

    text: str
    claim: int | None = None


@dataclass(frozen=True)
class ShownClaim:
    """A claim, its number, and the place in the record it was compared with."""

    number: int
    claim: DraftClaim
    source: str | None = None
    says: str | None = None


@dataclass(frozen=True)
class ShownText:
    """A text of a draft, in parts with and without claims."""

    name: str
    text: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ShownDraft:
    """A draft as the page shows it."""

    kind: str
    result: Result
    texts: tuple[ShownText, ...]
    claims: tuple[ShownClaim, ...]
    record: tuple[tuple[str, str], ...]
    level: str
    main: str
    html: Markup | None = None


def shown_draft(context: Context, result: Result) -> ShownDraft:
    """A draft with its claims in their places, and the record they were compared with."""
    record = tuple(_lines(context.record()))
    claims = tuple(_claim(number, one, record) for number, one in enumerate(result.claims, 1))
    texts = tuple(
        ShownText(name, text, tuple(_parts(name, text, claims)))
        for name, text in result.texts().items()
        if text
    )
    kind = kind_of(context).name
    html = getattr(result, "html", None)
    clean = nh3.clean(html, tags=_TAGS, attributes={"div": {"lang", "dir"}}) if html else None
    return ShownDraft(
        kind=kind,
        result=result,
        texts=texts,
        claims=claims,
        record=record,
        level=level_of(result),
        main=main_field(kind),
        html=Markup(clean) if clean else None,  # noqa: S704  sanitised just now
    )


def level_of(result: Result) -> str:
    """How far a draft can be trusted, in a word."""
    if result.is_fallback:
        return "none"
    if result.confidence >= _SURE:
        return "high"
    return "fair" if result.confidence >= _FAIR else "low"


def _parts(name: str, text: str, claims: Sequence[ShownClaim]) -> Iterator[Part]:
    place = 0
    for one in sorted(claims, key=lambda one: one.claim.start):
        claim = one.claim
        if claim.field != name or claim.start < place:
            continue
        if claim.start > place:
            yield Part(text[place : claim.start])
        yield Part(text[claim.start : claim.end], one.number)
        place = claim.end
    if place < len(text):
        yield Part(text[place:])


def _lines(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The record line by line: where something stands, and what."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _lines(one, f"{path} {name}".replace("_", " ").strip())
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from _lines(one, f"{path} {number}" if len(value) > 1 else path)
    else:
        yield path, str(value)


def _claim(number: int, claim: DraftClaim, record: Sequence[tuple[str, str]]) -> ShownClaim:
    if not claim.is_supported:
        return ShownClaim(number, claim)
    wanted = claim.text.casefold()
    found = next((line for line in record if wanted in line[1].casefold()), None)
    if found is None and (digits := re.sub(r"\D", "", claim.text)):
        found = next((line for line in record if digits in re.sub(r"\D", "", line[1])), None)
    return ShownClaim(number, claim, *(found or (None, None)))


@dataclass(frozen=True)
class Point:
    """A bin of the reliability chart, in the drawing's own units."""

    x: float
    y: float
    top: float
    bottom: float


def points_of(found: Reliability) -> list[Point]:
    """Where the bins with drafts stand in a square: sideways what was promised, up what was kept."""
    return [
        Point(
            round(_PLOT * (one.mean_confidence or 0.0), 1),
            round(_PLOT * (1 - one.kept), 1),
            round(_PLOT * (1 - (one.most or 0.0)), 1),
            round(_PLOT * (1 - (one.least or 0.0)), 1),
        )
        for one in found.bins
        if one.count and one.kept is not None
    ]
