"""What the cash-flow room has put into words, in the reader's language.

Runs keep their sentences in English, in which the API says them, too. Each is recognised by its English text
in the catalogue, and said again with days and numbers as its reader writes them. What is not recognised, such
as the words of a model, stays as it is.
"""

import ast
import re
from collections.abc import Mapping
from datetime import date
from functools import cache

from officium.apps.cashflow.cash_forecast import ShownLever
from officium.apps.cashflow.explanation import Otherwise
from officium.web.console.figures import Figures
from officium.web.console.frame import Frame
from officium.web.console.texts.english import ENGLISH

_SAID = "cashflow.said."
_PLACE = re.compile(r"\{((day|share|count|name|words)_\w+)\}")
_SHAPES = {
    "day": r"\d{4}-\d\d-\d\d|None",
    "share": r"\d+%",
    "count": r"-?\d+",
    "name": r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"",
    "words": r".+?",
}
_KEPT = 4_096


class CashWords:
    """Says sentences of the room to one reader."""

    def __init__(self, figures: Figures, frame: Frame) -> None:
        self._figures = figures
        self._frame = frame

    def find(self, text: str) -> str | None:
        """The sentences of a text in the reader's language; `None` where one of them is unknown."""
        found = _read(text)
        if found is None:
            return None
        return " ".join(self._frame.say(key, **self._shown(values)) for key, values in found)

    def find_counted(self, text: str) -> str | None:
        """The same of a warning with the number of its deals: `No payment date: 3 deals.`"""
        what, _, count = text.removesuffix(" deals.").rpartition(": ")
        said = self.find(what) if count.isdecimal() else None
        if said is None:
            return None
        return self._frame.say("cashflow.counted", what=said, count=self._figures.whole(int(count)))

    def rule(self, rule: str) -> str | None:
        """What a rule does; `None` for one that is unknown."""
        key = f"cashflow.rule.{rule}"
        return self._frame.say(key) if key in ENGLISH else None

    def otherwise(self, one: Otherwise) -> str:
        """What would be, if one thing about a deal were otherwise."""
        say, days = self._frame.say, self._figures.whole(abs(one.sooner_days))
        way = "sooner" if one.sooner_days > 0 else "later" if one.sooner_days else "same"
        change = say(f"cashflow.otherwise.{way}", days=days)
        if abs(one.probability_gained) >= 0.005:
            more = "more" if one.probability_gained > 0 else "less"
            share = self._figures.percent(abs(one.probability_gained))
            change = say(f"cashflow.otherwise.{more}", change=change, share=share)
        return say(f"cashflow.otherwise.{one.kind}", change=change)

    def lever(self, lever: ShownLever, titles: Mapping[int, str]) -> str:
        """What to do, and what it brings."""
        say = self._frame.say
        nobody = say("cashflow.lever.nobody")
        what = say(
            f"cashflow.lever.{lever.kind}",
            customer=nobody if lever.customer.startswith("#") else lever.customer,
            days=self._figures.whole(lever.days),
            deal=titles.get(lever.deal_id or 0, f"#{lever.deal_id}"),
        )
        return say("cashflow.lever.lift", what=what, lift=self._figures.about(lever.lift, lever.currency))

    def _shown(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: self._value(name.partition("_")[0], said) for name, said in values.items()}

    def _value(self, kind: str, said: str) -> str:
        match kind:
            case "day":
                return self._figures.day(None if said == "None" else date.fromisoformat(said))
            case "share":
                return self._figures.percent(int(said[:-1]) / 100)
            case "count":
                return self._figures.whole(int(said))
            case "name":
                return self._frame.say("cashflow.quoted", name=ast.literal_eval(said))
        return said


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((key, _pattern(text)) for key, text in ENGLISH.items() if key.startswith(_SAID))


def _pattern(text: str) -> re.Pattern[str]:
    parts, at = list[str](), 0
    for place in _PLACE.finditer(text):
        parts += [re.escape(text[at : place.start()]), f"(?P<{place[1]}>{_SHAPES[place[2]]})"]
        at = place.end()
    return re.compile("".join((*parts, re.escape(text[at:]), r"(?: |$)")))


def _read(text: str) -> list[tuple[str, dict[str, str]]] | None:
    """The sentences of a text by their keys, with their values."""
    found, at = list[tuple[str, dict[str, str]]](), 0
    while at < len(text):
        matches = ((key, pattern.match(text, at)) for key, pattern in _patterns())
        key, match = next(((key, match) for key, match in matches if match), ("", None))
        if match is None:
            return None
        found.append((key, match.groupdict()))
        at = match.end()
    return found
