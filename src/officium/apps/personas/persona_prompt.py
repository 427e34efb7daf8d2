"""The prompt of an adviser: who it is, what it knows, what was said, and the question.

A prompt stays under 4,000 tokens. What is too much is dropped in this order: the oldest of the conversation,
the oldest insights, the oldest decisions. The persona's own text, the profile, the figures and the question
are always told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from officium.apps.personas.errors import InvalidQuestion
from officium.apps.personas.persona import PersonaType
from officium.apps.personas.prompt_context import HistoryMessage, PromptContext
from officium.apps.personas.receipt import ContextReceipt, Dropped, Section
from officium.apps.personas.sections import analytics_lines, insight_line, profile_lines, shown_day
from officium.core.llm.chat import LLMMessage
from officium.core.llm.tokens import MESSAGE_TOKENS, REPLY_TOKENS, estimate_tokens
from officium.core.prompts import PromptVersion, Rendered
from officium.core.prompts.render import render

BUDGET_TOKENS = 4_000
MOST_EXCHANGES = 5
MOST_INSIGHTS = 50
MOST_DECISIONS = 20
LONGEST_QUESTION_BYTES = 16 * 1024


class PersonaPrompt(Struct, frozen=True, kw_only=True):
    """The messages for the model, what they tell it, and the facts its figures may come from.

    `rendered` says what the prompt's version wishes, such as a temperature.
    """

    messages: tuple[LLMMessage, ...]
    receipt: ContextReceipt
    facts: Mapping[str, Any]
    rendered: Rendered


def as_context(said: PromptContext | Mapping[str, Any]) -> PromptContext:
    """The context meant by an object or a mapping, in either spelling. Raises InvalidQuestion."""
    if isinstance(said, PromptContext):
        return said
    try:
        return PromptContext.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidQuestion(f"`{place}` of the context: {first['msg']}.", param=place) from error


def checked_question(text: str) -> str:
    """The question, if it is one. Raises InvalidQuestion."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        size = LONGEST_QUESTION_BYTES + 1
    if not text.strip() or size > LONGEST_QUESTION_BYTES or "\0" in text:
        raise InvalidQuestion(
            f"A message is a text of at most {LONGEST_QUESTION_BYTES // 1024} KB.", param="message"
        )
    return text


def compose(
    version: PromptVersion, persona: PersonaType, question: str, context: PromptContext
) -> PersonaPrompt:
    """Put the prompt together, and drop what is too much.

    Takes a few milliseconds of the processor. Raises InvalidQuestion, and what rendering a prompt raises.
    """
    return _Composer(version, persona, checked_question(question), context).compose()


class _Composer:
    def __init__(
        self, version: PromptVersion, persona: PersonaType, question: str, context: PromptContext
    ) -> None:
        self._version = version
        self._persona = persona
        self._question = question
        self._context = context
        self._profile = profile_lines(context.business_profile)
        self._analytics = analytics_lines(context.recent_analytics)
        self._insights = [line for line in map(insight_line, context.module_insights) if line][:MOST_INSIGHTS]
        self._decisions = list(context.decisions)[-MOST_DECISIONS:]
        self._history = last_exchanges(context.conversation_history)
        self._had = (len(self._history), len(self._insights), len(self._decisions))

    def compose(self) -> PersonaPrompt:
        rendered = self._render()
        question = _tokens(self._question)
        room = BUDGET_TOKENS - REPLY_TOKENS - question - _tokens(rendered.system)
        while self._history and sum(_tokens(each.content) for each in self._history) > room:
            self._history = _without_oldest(self._history)
        while room < 0 and self._shorten(-room):
            rendered = self._render()
            room = BUDGET_TOKENS - REPLY_TOKENS - question - _tokens(rendered.system)
        messages = (
            LLMMessage(role="system", content=rendered.system),
            *(_as_message(each) for each in self._history),
            LLMMessage(role="user", content=self._question),
        )
        total = REPLY_TOKENS + sum(_tokens(message.content) for message in messages)
        return PersonaPrompt(
            messages=messages,
            receipt=self._receipt(rendered, total),
            facts=self._facts(),
            rendered=rendered,
        )

    def _render(self) -> Rendered:
        values = {
            "profile": "\n".join(self._profile),
            "analytics": "\n".join(self._analytics),
            "insights": "\n".join(self._insights),
            "decisions": "\n".join(self._decisions),
            "today": self._context.today,
            "language": self._context.language,
        }
        return render(self._version, values)

    def _shorten(self, by_tokens: int) -> bool:
        """Drop the oldest insights, then decisions, of about so many tokens; whether there were any."""
        for lines, oldest in ((self._insights, -1), (self._decisions, 0)):
            if lines:
                freed = 0
                while lines and freed < by_tokens:
                    freed += estimate_tokens(lines.pop(oldest)) + 1
                return True
        return False

    def _receipt(self, rendered: Rendered, total: int) -> ContextReceipt:
        told = [
            ("profile", self._profile),
            ("analytics", self._analytics),
            ("insights", self._insights),
            ("decisions", self._decisions),
            ("history", [each.content for each in self._history]),
            ("message", [self._question]),
        ]
        sections = [
            Section(name=name, items=len(parts), tokens=sum(map(estimate_tokens, parts)))
            for name, parts in told
            if parts
        ]
        own = total - sum(section.tokens for section in sections)
        kept = (len(self._history), len(self._insights), len(self._decisions))
        names = ("history", "insights", "decisions")
        analytics = self._context.recent_analytics if self._analytics else None
        return ContextReceipt(
            persona=self._persona,
            prompt=rendered.name,
            prompt_version=rendered.version,
            sections=(Section(name="persona", items=1, tokens=max(own, 0)), *sections),
            dropped=tuple(
                Dropped(name=name, items=had - left)
                for name, had, left in zip(names, self._had, kept, strict=True)
                if had > left
            ),
            as_of=None if analytics is None or analytics.as_of is None else shown_day(analytics.as_of),
            is_stale=analytics is not None and analytics.is_stale,
            tokens=total,
            budget=BUDGET_TOKENS,
            is_over_budget=total > BUDGET_TOKENS,
        )

    def _facts(self) -> dict[str, Any]:
        """What figures may come from: all that was told but earlier answers, which may have been wrong."""
        profile, analytics = self._context.business_profile, self._context.recent_analytics
        return {
            "businessProfile": None if profile is None else profile.model_dump(mode="json", by_alias=True),
            "recentAnalytics": None
            if analytics is None
            else analytics.model_dump(mode="json", by_alias=True, exclude_none=True),
            "moduleInsights": self._insights,
            "decisions": self._decisions,
            "conversation": [each.content for each in self._history if each.role == "user"],
            "message": self._question,
        }


def last_exchanges(history: Sequence[HistoryMessage]) -> list[HistoryMessage]:
    """The last five questions and answers, beginning with a question; who else spoke is left out."""
    said = [each for each in history if each.role in ("user", "assistant") and each.content.strip()]
    return _from_question(said[-2 * MOST_EXCHANGES :])


def _without_oldest(history: list[HistoryMessage]) -> list[HistoryMessage]:
    return _from_question(history[1:])


def _from_question(history: list[HistoryMessage]) -> list[HistoryMessage]:
    start = next((place for place, each in enumerate(history) if each.role == "user"), len(history))
    return history[start:]


def _as_message(said: HistoryMessage) -> LLMMessage:
    return LLMMessage(role="user" if said.role == "user" else "assistant", content=said.content)


def _tokens(text: str) -> int:
    return MESSAGE_TOKENS + estimate_tokens(text)
