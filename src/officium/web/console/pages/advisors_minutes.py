"""A board meeting as the advisers' page shows it: a card for each member, and what it came to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from officium.apps.personas.board.meeting import Minutes
from officium.apps.personas.persona import PERSONAS
from officium.web.console.frame import Frame
from officium.web.console.markdown import GrowingMarkdown, Mark, Note, render_markdown

_MEMBERS = "|".join(persona.upper() for persona in PERSONAS)
_HEADING = re.compile(
    rf"^(?:## (?P<who>{_MEMBERS}|Synthesis)|### (?P<objects>{_MEMBERS}), objections)\n\n", re.MULTILINE
)
_Part = tuple[str, str]
"""`opinion`, `objection` or `synthesis`, and of whom."""
_SYNTHESIS: _Part = ("synthesis", "board")


class GrowingMinutes(GrowingMarkdown):
    """The minutes while the meeting goes on. It is read as a text that grows, but each member has a block."""

    def __init__(self, frame: Frame, note: Note) -> None:
        super().__init__(note)
        self._frame = frame
        self._note = note
        self._said: dict[_Part, GrowingMarkdown] = {}
        self._faults: dict[_Part, str] = {}
        self._is_over: set[_Part] = set()

    @property
    def text(self) -> str:
        """The minutes until now, as they are kept."""
        minutes = Minutes()
        for (step, who), said in self._said.items():
            if step == "synthesis":
                minutes.synthesis = said.text
            else:
                minutes.said(step)[who] = said.text  # type: ignore[arg-type, index]
        return minutes.as_text()

    def hear(self, name: str, data: Mapping[str, Any]) -> None:
        """Take an event of the meeting."""
        step = str(data.get("step", name))
        part = (step, str(data.get("member", "board")))
        if step not in ("opinion", "objection", "synthesis"):
            return
        said = self._said.setdefault(part, GrowingMarkdown(self._note))
        said.feed(data.get("content", ""), data.get("figures", ()) if name == "figures" else ())
        if data.get("done"):
            self._is_over.add(part)
        if "error" in data:
            self._faults[part] = str(data["error"].get("message", ""))

    def blocks(self) -> list[str]:
        """A block for each member who has begun to speak, and one for the synthesis."""
        shown = [self._member(who) for who in PERSONAS if ("opinion", who) in self._said]
        if _SYNTHESIS in self._said:
            shown.append(
                _synthesis(self._frame, self._rendered(_SYNTHESIS), self._faults.get(_SYNTHESIS, ""))
            )
        return shown

    def _member(self, who: str) -> str:
        opinion, objection = ("opinion", who), ("objection", who)
        return _member(
            self._frame,
            who,
            self._rendered(opinion),
            self._rendered(objection),
            self._faults.get(opinion) or self._faults.get(objection, ""),
            is_speaking=bool({opinion, objection} & self._said.keys() - self._is_over),
        )

    def _rendered(self, part: _Part) -> Markup:
        blocks = self._said[part].blocks() if part in self._said else []
        return Markup("".join(blocks))  # noqa: S704  the sanitiser has read each


def minutes_html(text: str, marks: Mapping[str, Any], frame: Frame, note: Note) -> Markup:
    """Kept minutes, the synthesis first. `marks` has the figures' marks by step and member."""
    said = dict(_parts(text))

    def html(part: _Part) -> Markup:
        step, who = part
        found: Sequence[Mark] = (marks.get(step) or {}).get(who) or ()
        return render_markdown(said[part], found, note) if part in said else Markup()

    shown = [_synthesis(frame, html(_SYNTHESIS))] if _SYNTHESIS in said else []
    shown += [
        _member(frame, who, html(("opinion", who)), html(("objection", who)))
        for who in PERSONAS
        if ("opinion", who) in said or ("objection", who) in said
    ]
    blocks = "".join(f'<div class="block">{each}</div>' for each in shown)
    return Markup(blocks)  # noqa: S704  made of templates, and of what the sanitiser has read


def _parts(text: str) -> Iterator[tuple[_Part, str]]:
    """The parts of kept minutes by what they are; what one says ends where the next one begins."""
    found = list(_HEADING.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    for heading, end in zip(found, ends, strict=True):
        said = text[heading.end() : end].strip()
        if heading["objects"]:
            yield ("objection", heading["objects"].lower()), said
        elif heading["who"] == "Synthesis":
            yield _SYNTHESIS, said
        else:
            yield ("opinion", heading["who"].lower()), said


def _member(
    frame: Frame, who: str, opinion: Markup, objection: Markup, fault: str = "", *, is_speaking: bool = False
) -> str:
    return frame.render(
        "advisors/member.html",
        who=who,
        opinion=opinion,
        objection=objection,
        fault=fault,
        is_speaking=is_speaking,
    )


def _synthesis(frame: Frame, html: Markup, fault: str = "") -> str:
    return frame.render("advisors/synthesis.html", html=html, fault=fault)
