"""Logs: events with fields, one JSON object a line, or readable lines for a person.

Message contents and secrets never enter a log. As a last line of defence, what looks like a key is blotted
out of every line before it is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import Any, BinaryIO

import msgspec
import structlog

_HIDDEN = "[hidden]"
_SECRET_NAMES = frozenset(
    ("api_key", "apikey", "authorization", "cookie", "credential", "password", "secret", "token", "x-api-key")
)
_MARKS = (
    "sk-",
    "sk_",
    "gsk_",
    "key-",
    "AIza",
    "fw_",
    "hf_",
    "r8_",
    "xai-",
    "eyJ",
    "earer ",
    "of_",
    "ofc_",
    "://",
)
"""One of these stands in every line with a key in it: a quick look spares most lines the slow one."""
_KEYS = re.compile(
    r"""(?x)
    \b(?:sk|gsk|fw|hf|r8|xai|key|ofc?|officium)[-_][A-Za-z0-9_-]{12,}   # OpenAI, Anthropic, Groq, ..., ours
    | \bAIza[A-Za-z0-9_-]{20,}                                          # Google
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*         # a JWT
    | (?<=[Bb]earer\ )[^\s"'\\]{8,}
    | (?<=://)[^\s/@"'\\]+:[^\s/@"'\\]+(?=@)                            # user:password in a URL
    """
)

EventDict = MutableMapping[str, Any]


def configure_logs(level: str = "INFO", is_human: bool | None = None, file: BinaryIO | None = None) -> None:
    """Send the logs of `level` and above to `file` (standard error if `None`).

    People get readable lines when the level is DEBUG, or when `is_human` says so. Warnings of libraries
    that use `logging` go the same way (their information, too, at DEBUG).
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(
            f"The log level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not {level!r}."
        )
    if is_human is None:
        is_human = number <= logging.DEBUG
    structlog.configure(
        processors=[_human_line if is_human else _json_line],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(file or sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(max(number, logging.INFO if number <= logging.DEBUG else logging.WARNING))


def hide_keys(text: str) -> str:
    """The text without what looks like a key, a bearer token or a password in a URL."""
    for mark in _MARKS:
        if mark in text:
            return _KEYS.sub(_HIDDEN, text)
    return text


class _Bridge(logging.Handler):
    """Passes what libraries log on to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger().log(level, record.getMessage(), **fields)


def _json_line(logger: object, method: str, fields: EventDict) -> bytes:
    line = {"time": _now(), "level": method, "event": fields.pop("event", ""), **_presentable(fields)}
    return hide_keys(_encoder.encode(line).decode()).encode()


def _human_line(logger: object, method: str, fields: EventDict) -> bytes:
    fields = {"level": method, "timestamp": _now(), **_presentable(fields)}
    return hide_keys(_console(logger, method, fields)).encode("utf-8", "replace")


def _presentable(fields: EventDict) -> EventDict:
    """The fields with the stack in words, and without the values of fields whose name means a secret."""
    if "exc_info" in fields:
        fields = structlog.processors.format_exc_info(None, "", fields)
    if not _SECRET_NAMES.isdisjoint(fields):
        fields = {name: _HIDDEN if name in _SECRET_NAMES else value for name, value in fields.items()}
    return fields


def _now() -> str:
    seconds, milliseconds = divmod(time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_encoder = msgspec.json.Encoder(enc_hook=repr)
_console = structlog.dev.ConsoleRenderer(colors=False)
