"""What another part of the tenant's software has found out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from officium.apps.personas.business.errors import InvalidInsight
from officium.apps.personas.business.words import is_text

LONGEST_TEXT = 4_000
LARGEST_DATA_BYTES = 8 * 1024
_DEEPEST = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_AHEAD = timedelta(days=1)
_LONGEST_LIFE = timedelta(days=3_660)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Insight(Struct, frozen=True, kw_only=True):
    """What a module tells of `key`: a text, data, or both. It was observed now, where nobody says when."""

    module: str
    key: str
    text: str | None = None
    data: Mapping[str, Any] | None = None
    observed_at: datetime | None = None
    expires_at: datetime | None = None


class SavedInsight(Struct, frozen=True, kw_only=True):
    """The latest that is known of `key` in `module`. It is forgotten at `expires_at`."""

    module: str
    key: str
    text: str | None
    data: Mapping[str, Any] | None
    observed_at: datetime
    expires_at: datetime | None
    received_at: datetime
    pushed_by: str

    def has_expired(self, now: datetime) -> bool:
        """Whether it is to be forgotten."""
        return self.expires_at is not None and self.expires_at <= now


def saved_insight(insight: Insight, now: datetime, pushed_by: str) -> SavedInsight:
    """The insight as it is kept."""
    values = {**asdict(insight), "observed_at": insight.observed_at or now}
    return SavedInsight(**values, received_at=now, pushed_by=pushed_by)


def check_insight(insight: Insight, now: datetime) -> None:
    """Raise InvalidInsight unless this can be told to an adviser."""
    for name in ("module", "key"):
        if not _NAME.fullmatch(getattr(insight, name)):
            raise InvalidInsight(
                f"`{name}` has 1 to 64 letters, digits and any of `_ . : -`, such as crm.", param=name
            )
    if insight.text is None and insight.data is None:
        raise InvalidInsight("An insight has a `text`, `data` or both.", param="text")
    if insight.text is not None and not is_text(insight.text, LONGEST_TEXT):
        raise InvalidInsight(f"`text` has 1 to {LONGEST_TEXT:,} characters.", param="text")
    if insight.data is not None:
        _check_data(insight.data)
    if insight.observed_at is not None and not _EARLIEST <= insight.observed_at <= now + _AHEAD:
        raise InvalidInsight("`observedAt` lies between 1970 and now.", param="observedAt")
    if insight.expires_at is not None and not _EARLIEST <= insight.expires_at <= now + _LONGEST_LIFE:
        raise InvalidInsight("`expiresAt` lies at most ten years ahead.", param="expiresAt")


def _check_data(data: Mapping[str, Any]) -> None:
    try:
        written = msgspec.json.encode(data)
    except (UnicodeEncodeError, RecursionError, ValueError):
        written = b""
    is_sound = written and b"\\u0000" not in written and _is_flat(data, _DEEPEST)
    if not is_sound or len(written) > LARGEST_DATA_BYTES:
        raise InvalidInsight(
            f"`data` is an object of at most {LARGEST_DATA_BYTES // 1024} KB and {_DEEPEST} levels.",
            param="data",
        )


def _is_flat(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return not isinstance(value, float) or value == value
    inside = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_flat(each, levels - 1) for each in inside)
