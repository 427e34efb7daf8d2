"""How many tokens a text will take, before any provider has counted it.

An estimate without vocabularies and without network: one regular expression cuts the text roughly where
byte-pair tokenizers do, and the pieces are counted. The piece lengths were fitted on recorded requests and
answers of 14 providers, where the median error is below 10 %; `tests/core/llm/test_tokens.py` measures it.
"""

import re
from collections.abc import Iterable

import msgspec

from officium.core.llm.completion import CompletionRequest, Tool
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

MESSAGE_TOKENS = 4
"""What the marks around one message take (role, begin, end)."""
REPLY_TOKENS = 3
"""What opens the answer."""
IMAGE_TOKENS = 800
"""A picture of usual size; providers count between 258 (Gemini) and 1,600 (Claude, large)."""
LOW_DETAIL_IMAGE_TOKENS = 85
TOOL_TOKENS = 12
"""What a tool's definition takes besides its text."""
BYTES_PER_FILE_TOKEN = 30
"""A PDF page is about 50 KB and 1,700 tokens."""

_SAMPLED_ABOVE = 65_536
_SAMPLES = 16
_SAMPLE_CHARS = 4_096

_ASCII_PIECES = r"[A-Z]?[a-z]{1,10}|[A-Z]{1,3}|[0-9]{1,2}|\n[ \t\n\r]*| {2,}|\t+|[!-/:-@\[-`{-~]{1,2}"
_OTHER_PIECES = (
    r"|[\u00c0-\u024f]+[a-z]{0,6}"  # Latin with accents
    r"|[\u0370-\u03ff]{1,3}"  # Greek
    r"|[\u0400-\u052f]{1,4}"  # Cyrillic
    r"|[\u0590-\u05ff]{1,2}"  # Hebrew
    r"|[\u0600-\u06ff]{1,3}"  # Arabic
    r"|[\u0900-\u097f]{1,3}"  # Devanagari
    r"|[\u0980-\u0dff]{1,2}"  # the other scripts of India
    r"|[\u0e00-\u0e7f]{1,3}"  # Thai
    r"|[\u3040-\u30ff]{1,2}"  # kana
    r"|[\uac00-\ud7af]{1,2}"  # Hangul
    r"|[^\x00-\x7f]"  # Han and everything else: a token a character
)
_find_ascii_pieces = re.compile(_ASCII_PIECES).findall
_find_pieces = re.compile(_ASCII_PIECES + _OTHER_PIECES).findall
_find_astral = re.compile("[\U00010000-\U0010ffff]").findall


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens `text` takes with a present-day tokenizer.

    Takes linear time up to 65,536 characters; of longer texts 16 samples are counted, so the time is bounded.
    """
    if len(text) <= _SAMPLED_ABOVE:
        return _count(text)
    step = (len(text) - _SAMPLE_CHARS) / (_SAMPLES - 1)
    samples = (text[round(i * step) : round(i * step) + _SAMPLE_CHARS] for i in range(_SAMPLES))
    return round(sum(map(_count, samples)) * len(text) / (_SAMPLES * _SAMPLE_CHARS))


def estimate_message_tokens(messages: Iterable[Message]) -> int:
    """Estimate the input tokens of a conversation: texts, pictures, files, the marks between messages."""
    total = REPLY_TOKENS
    for message in messages:
        total += MESSAGE_TOKENS
        for part in message.parts:
            total += _part_tokens(part)
    return total


def estimate_request_tokens(request: CompletionRequest) -> int:
    """Estimate the input tokens of a whole request: its messages, its tools and its output schema."""
    total = estimate_message_tokens(request.messages)
    for tool in request.tools:
        total += _tool_tokens(tool)
    if request.output_format is not None and request.output_format.schema is not None:
        total += estimate_tokens(msgspec.json.encode(request.output_format.schema).decode())
    return total


def _count(text: str) -> int:
    if text.isascii():
        return len(_find_ascii_pieces(text))
    return len(_find_pieces(text)) + len(_find_astral(text))


def _part_tokens(part: Part) -> int:
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return estimate_tokens(text)
        case Image(detail=detail):
            return LOW_DETAIL_IMAGE_TOKENS if detail == "low" else IMAGE_TOKENS
        case File(data=data):
            return len(data) * 3 // 4 // BYTES_PER_FILE_TOKEN if data else IMAGE_TOKENS
        case ToolCall(name=name, arguments=arguments):
            return MESSAGE_TOKENS + estimate_tokens(name) + estimate_tokens(arguments)
        case ToolResult(parts=parts):
            return MESSAGE_TOKENS + sum(map(_part_tokens, parts))


def _tool_tokens(tool: Tool) -> int:
    parameters = msgspec.json.encode(tool.parameters).decode()
    return TOOL_TOKENS + sum(map(estimate_tokens, (tool.name, tool.description or "", parameters)))
