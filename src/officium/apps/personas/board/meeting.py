"""What a board meeting is made of: its ceiling, what each member says, and what comes of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import BaseModel, Field

from officium.apps.personas.persona import PERSONAS, PersonaType
from officium.core.usage.ledger import Amounts

Step = Literal["opinion", "objection", "synthesis"]
BOARD = "board"
"""Stands where a conversation has its persona."""
OPINION_TOKENS = 800
OBJECTION_TOKENS = 400
SYNTHESIS_TOKENS = 1200
_NANO = Decimal(1_000_000_000)
_TITLES: Mapping[PersonaType, str] = {persona: persona.upper() for persona in PERSONAS}

Line = Annotated[str, Field(max_length=2_000)]
Lines = Annotated[list[Line], Field(max_length=20)]


class Ceiling(Struct, frozen=True, kw_only=True):
    """What a meeting costs at most, in tokens of both directions and in dollars.

    Without a known price the dollars are 0, and the tokens alone bound it.
    """

    tokens: int
    cost_usd: Decimal

    @classmethod
    def of(cls, amounts: Amounts) -> "Ceiling":
        """The ceiling that stands for these amounts."""
        return cls(tokens=amounts.tokens, cost_usd=Decimal(amounts.nano_usd) / _NANO)

    def as_json(self) -> dict[str, Any]:
        """Its form on the wire; money is a decimal as text."""
        return {"tokens": self.tokens, "costUsd": f"{self.cost_usd:f}"}


class Dissent(BaseModel):
    """A point on which members of the board differ."""

    about: Line
    positions: Lines = Field(description="Who holds what, one a line, beginning with the member.")


class ChangeOfMind(BaseModel):
    """What would change a member's mind."""

    member: Literal["ceo", "cfo", "cmo", "cto"]
    what: Line


class Synthesis(BaseModel):
    """What a meeting comes to."""

    recommendation: Annotated[str, Field(max_length=4_000)]
    agreement: Lines
    dissent: Annotated[list[Dissent], Field(max_length=12)]
    changes_of_mind: Annotated[list[ChangeOfMind], Field(max_length=8)]

    def as_json(self) -> dict[str, Any]:
        """Its form on the wire."""
        return {
            "recommendation": self.recommendation,
            "agreement": self.agreement,
            "dissent": [each.model_dump() for each in self.dissent],
            "changesOfMind": [each.model_dump() for each in self.changes_of_mind],
        }

    def as_text(self) -> str:
        """The same as Markdown."""
        parts = [self.recommendation]
        if self.agreement:
            parts.append("**Agreement**\n\n" + _bullets(self.agreement))
        parts.extend(f"**Dissent: {each.about}**\n\n{_bullets(each.positions)}" for each in self.dissent)
        if self.changes_of_mind:
            lines = [f"{_TITLES[each.member]}: {each.what}" for each in self.changes_of_mind]
            parts.append("**What would change each mind**\n\n" + _bullets(lines))
        return "\n\n".join(parts)


class Minutes:
    """What was said in a meeting, as far as it is."""

    def __init__(self) -> None:
        self.opinions: dict[PersonaType, str] = {}
        self.objections: dict[PersonaType, str] = {}
        self.synthesis: str = ""

    def said(self, step: Step) -> dict[PersonaType, str]:
        """What was said in a round by whom."""
        return self.opinions if step == "opinion" else self.objections

    def others(self, persona: PersonaType) -> str:
        """The opinions of everybody else."""
        return _spoken({who: text for who, text in self.opinions.items() if who != persona})

    def all_opinions(self) -> str:
        """Every opinion, with who holds it."""
        return _spoken(self.opinions)

    def all_objections(self) -> str:
        """Every objection, with who made it."""
        return _spoken(self.objections)

    def as_text(self) -> str:
        """The minutes as Markdown, the synthesis first."""
        parts = [f"## Synthesis\n\n{self.synthesis}"] if self.synthesis else []
        for persona in PERSONAS:
            if text := self.opinions.get(persona, "").strip():
                parts.append(f"## {_TITLES[persona]}\n\n{text}")
            if text := self.objections.get(persona, "").strip():
                parts.append(f"### {_TITLES[persona]}, objections\n\n{text}")
        return "\n\n".join(parts)


def total(amounts: Sequence[Amounts]) -> Amounts:
    """The sum of amounts."""
    return Amounts(
        tokens=sum(each.tokens for each in amounts),
        requests=sum(each.requests for each in amounts),
        nano_usd=sum(each.nano_usd for each in amounts),
    )


def _spoken(said: Mapping[PersonaType, str]) -> str:
    ordered = ((who, said[who].strip()) for who in PERSONAS if who in said)
    return "\n\n".join(f"{_TITLES[who]}:\n{text}" for who, text in ordered if text)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
