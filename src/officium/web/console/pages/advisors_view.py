"""What the advisers' page shows of a message: its text as HTML, what it knew, and its figures."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.personas.adviser import CANNED_MODEL
from officium.apps.personas.board.meeting import BOARD
from officium.core.conversations import Conversation, ShownMessage
from officium.web.console.frame import Frame
from officium.web.console.markdown import GrowingMarkdown, Mark, render_markdown
from officium.web.console.pages.advisors_minutes import GrowingMinutes, minutes_html

SCRIPTED = "mock"
"""The provider that is none."""
State = Literal["live", "complete", "stopped", "failed", "interrupted"]
_STATES: Mapping[str, State] = {"complete": "complete", "stopped": "stopped", "failed": "failed"}
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Figure(Struct, frozen=True, kw_only=True):
    """A figure of an answer, and where it comes from, in words."""

    text: str
    status: str
    note: str


class Turn(Struct, frozen=True, kw_only=True):
    """A question or an answer as it is shown. `html` is safe; `text` is what was said, as it was said."""

    id: int
    role: str
    text: str
    html: Markup
    state: State
    persona: str
    model: str
    is_scripted: bool
    tokens: Mapping[str, int]
    receipt: Mapping[str, Any] | None
    figures: Sequence[Figure]
    unmatched: int
    rating: str | None
    opinion: str
    place: int
    siblings: Sequence[int]
    created_at: datetime
    fault: str = ""


def turn_of(
    shown: ShownMessage, conversation: Conversation, frame: Frame, live_since: datetime, fault: str = ""
) -> Turn:
    """The message as it is shown; rendering takes milliseconds of the processor for each kilobyte.

    Unfinished answers that began after `live_since` are still to be read. `fault` is what went wrong.
    """
    message, metadata = shown.message, shown.message.metadata
    is_meeting = metadata.get("persona", conversation.persona) == BOARD
    kept: Any = metadata.get("marks") or ()
    marks: Sequence[Mark] = _marks_of_meeting(kept) if is_meeting and kept else kept
    is_answer = message.role == "assistant"
    is_live = message.created_at > live_since
    state = _STATES.get(message.status, "live" if is_live else "interrupted")

    def note(mark: Mark) -> str:
        return note_of(mark, frame)

    def html() -> Markup:
        if not is_answer or state == "live":
            return Markup()
        if is_meeting:
            return minutes_html(message.content, kept or {}, frame, note)
        return render_markdown(message.content, marks, note)

    return Turn(
        id=message.id,
        role=message.role,
        text=message.content,
        html=html(),
        state=state,
        persona=str(metadata.get("persona") or conversation.persona or "ceo"),
        model=str(metadata.get("model") or ""),
        is_scripted=metadata.get("provider") in (SCRIPTED, CANNED_MODEL),
        tokens=metadata.get("tokens") or {},
        receipt=metadata.get("receipt") if is_answer else None,
        figures=[Figure(text=mark["text"], status=mark["status"], note=note(mark)) for mark in marks],
        unmatched=sum(mark["status"] == "unmatched" for mark in marks),
        rating=None if shown.feedback is None else shown.feedback.rating,
        opinion=(shown.feedback.text or "") if shown.feedback is not None else "",
        place=shown.sibling_ids.index(message.id),
        siblings=shown.sibling_ids,
        created_at=message.created_at,
        fault=fault or str((metadata.get("error") or {}).get("message", "")),
    )


def growing_text(frame: Frame, persona: str | None) -> GrowingMarkdown:
    """An answer that is still being written, with the same notes; of the board, its minutes."""

    def note(mark: Mark) -> str:
        return note_of(mark, frame)

    return GrowingMinutes(frame, note) if persona == BOARD else GrowingMarkdown(note)


def _marks_of_meeting(kept: Mapping[str, Any]) -> list[Mark]:
    """The marks of all that was said in a meeting."""
    return [mark for by_member in kept.values() for marks in by_member.values() for mark in marks]


def as_ended(shown: ShownMessage, state: State, text: GrowingMarkdown) -> ShownMessage:
    """The message as it ended; of one that nobody could write to the end, what readers have seen."""
    if shown.message.status != "partial":
        return shown
    metadata = dict(shown.message.metadata)
    if not isinstance(text, GrowingMinutes):
        metadata["marks"] = text.marks
    status = state if state in _STATES else "partial"
    kept = max(text.text, shown.message.content, key=len)
    message = replace(shown.message, content=kept, metadata=metadata, status=status)
    return replace(shown, message=message)


def note_of(mark: Mark, frame: Frame) -> str:
    """Where a figure comes from, in words."""
    status, source, said = mark["status"], mark.get("source"), mark.get("contextSays")
    if status == "unmatched":
        return frame.say("advisors.note.instead", said=said) if said else frame.say("advisors.note.unmatched")
    if status == "proposed":
        return frame.say("advisors.note.proposed")
    if status == "computed":
        return frame.say("advisors.note.computed", source=source or "")
    return frame.say("advisors.note.matched", source=_place(str(source or ""), frame))


def _place(path: str, frame: Frame) -> str:
    """`recentAnalytics.revenue` in words."""
    root, _, rest = path.partition(".")
    root = root.partition("[")[0]
    named = {
        "businessProfile": "advisors.section.profile",
        "recentAnalytics": "advisors.section.analytics",
        "moduleInsights": "advisors.section.insights",
        "decisions": "advisors.section.decisions",
        "conversation": "advisors.section.history",
        "message": "advisors.section.message",
    }.get(root)
    where = frame.say(named) if named else root
    what = _WORD_START.sub(" ", rest.replace(".", " / ")).lower()
    return f"{where}: {what}" if what else where
