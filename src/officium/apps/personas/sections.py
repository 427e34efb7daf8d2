"""What is known of a business as lines `Label: value`, for people and models to read."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec

from officium.apps.personas.prompt_context import AnalyticsContext, InsightContext, ProfileContext

_MEASURES = ("sessions", "users", "conversions", "revenue")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def profile_lines(profile: ProfileContext | None) -> list[str]:
    """A line for each thing the profile says."""
    if profile is None:
        return []
    known = {name: getattr(profile, name) for name in ("industry", "size", "stage", "revenue", "goals")}
    return list(_lines({**known, **_more(profile)}))


def analytics_lines(analytics: AnalyticsContext | None) -> list[str]:
    """A line for each figure; the first says as of when they are, where that is known."""
    if analytics is None:
        return []
    known: dict[str, Any] = {name: getattr(analytics, name) for name in _MEASURES}
    lines = list(_lines({**known, **_more(analytics)}))
    stale = "stale, say so where you use them" if analytics.is_stale else ""
    if lines and analytics.as_of is not None:
        lines.insert(0, f"As of: {shown_day(analytics.as_of)}{f' ({stale})' if stale else ''}")
    elif lines and stale:
        lines.insert(0, f"As of: unknown ({stale})")
    return lines


def insight_line(insight: InsightContext | str) -> str:
    """The insight on one line: of when, from where, and what."""
    if isinstance(insight, str):
        return _one_line(insight)
    place = "/".join(part for part in (insight.module, insight.key) if part)
    when = "" if insight.observed_at is None else f"({shown_day(insight.observed_at)}) "
    told = [_one_line(insight.text)] if insight.text else []
    if insight.data:
        told.append("; ".join(_lines(insight.data)))
    if more := _more(insight):
        told.append("; ".join(_lines(more)))
    return f"{place}: {when}{' '.join(told)}" if place else f"{when}{' '.join(told)}"


def shown_day(moment: datetime | date) -> str:
    """The day; with the time, where it is not midnight."""
    if isinstance(moment, datetime) and moment.time() != time():
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment:%Y-%m-%d}"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if name == "extra" and isinstance(value, Mapping):
            yield from _lines(value)
        elif (shown := _shown(value)) != "":
            yield f"{_label(name)}: {shown}"


def _more(part: ProfileContext | AnalyticsContext | InsightContext) -> dict[str, Any]:
    return dict(part.model_extra or {})


def _label(name: str) -> str:
    words = _one_line(_CAMEL.sub(" ", name).replace("_", " "))
    return words[:1].upper() + words[1:]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else _decimals(value)
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_shown, value)))
    if isinstance(value, Mapping):
        return msgspec.json.encode(value).decode()
    return _one_line(str(value))


def _decimals(value: float) -> str:
    """All digits that count, and two places at least: amounts of money read better so."""
    text = repr(value)
    _, dot, places = text.partition(".")
    return f"{text}0" if dot and len(places) == 1 else text


def _one_line(text: str) -> str:
    return " ".join(text.split())
