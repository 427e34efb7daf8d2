import json
import re
import statistics
import time

import pytest

from officium.core.llm.completion import CompletionRequest, OutputFormat, Tool
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    system,
    user,
)
from officium.core.llm.tokens import (
    IMAGE_TOKENS,
    LOW_DETAIL_IMAGE_TOKENS,
    estimate_message_tokens,
    estimate_request_tokens,
    estimate_tokens,
)
from tests.support.recordings import load_exchanges, needs_all_recordings

_INPUT_COUNT = re.compile(r'"(?:prompt_tokens|promptTokenCount|input_tokens|prompt_eval_count)":\s*(\d+)')
_PADDED = ("gpt-oss", "compound", "llama-guard", "grok", "gpt-5.6-sol", "minimax")
"""Models whose provider puts hundreds of tokens of its own before the messages."""
_NOT_PLAIN = {"tools", "image-in", "audio-in", "file-in", "structured", "tool-result-in", "thinking-config"}
_ODD = {"984fc619ff21"}
"""The source replaced the counts by invented ones (8,251 characters as 11 tokens)."""


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("Hello, world!", 4, id="greeting"),
        pytest.param("The quick brown fox jumps over the lazy dog.", 10, id="sentence"),
        pytest.param("1234567890", 5, id="digits"),
        pytest.param("你好世界", 4, id="chinese"),
        pytest.param("Здравствуйте", 3, id="russian"),
        pytest.param("🎉", 2, id="emoji"),
        pytest.param("größe", 2, id="accents"),
    ],
)
def test_estimate_of_short_texts(text, tokens):
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        pytest.param(
            "We review the quarterly results with the finance team every Monday. " * 20,
            3.5,
            6.5,
            id="english",
        ),
        pytest.param(
            "Мы рассматриваем квартальные результаты каждый понедельник. " * 20, 2.0, 4.5, id="russian"
        ),
        pytest.param("نراجع النتائج الفصلية مع الفريق المالي كل يوم اثنين. " * 20, 1.5, 4.0, id="arabic"),
        pytest.param("हम हर सोमवार को तिमाही नतीजों की समीक्षा करते हैं। " * 20, 1.5, 4.0, id="hindi"),
        pytest.param("เราตรวจสอบผลประกอบการรายไตรมาสทุกวันจันทร์ " * 20, 1.5, 4.0, id="thai"),
        pytest.param("我们每周一与财务团队一起审查季度业绩。" * 20, 0.8, 2.0, id="chinese"),
        pytest.param("毎週月曜日に財務チームと四半期の業績を確認します。" * 20, 0.9, 2.2, id="japanese"),
        pytest.param("매주 월요일 재무팀과 분기 실적을 검토합니다. " * 20, 1.0, 2.6, id="korean"),
        pytest.param('{"id": 12, "tags": ["a", "b"], "price": 3.50}\n' * 20, 1.5, 3.5, id="json"),
        pytest.param(
            "def total(rows):\n    return sum(row.amount for row in rows)\n" * 20, 2.5, 5.5, id="code"
        ),
    ],
)
def test_characters_per_token_are_usual_for_the_script(text, low, high):
    assert low <= len(text) / estimate_tokens(text) <= high


def test_long_text_is_sampled_and_stays_near_the_count():
    text = "We review the quarterly results, then 42 open deals.\n" * 10_000

    started = time.perf_counter()
    estimate = estimate_tokens(text)

    assert estimate == pytest.approx(estimate_tokens(text[:53_000]) * 10, rel=0.02)
    assert time.perf_counter() - started < 0.5


def test_messages_cost_their_parts_and_their_marks():
    plain = estimate_message_tokens([system("Be brief."), user("Hello")])

    assert plain == estimate_tokens("Be brief.") + estimate_tokens("Hello") + 2 * 4 + 3


@pytest.mark.parametrize(
    ("part", "least"),
    [
        pytest.param(Image(url="https://example.com/a.png"), IMAGE_TOKENS, id="picture"),
        pytest.param(
            Image(url="https://example.com/a.png", detail="low"), LOW_DETAIL_IMAGE_TOKENS, id="low-detail"
        ),
        pytest.param(File(data="A" * 60_000, media_type="application/pdf"), 1_000, id="file"),
        pytest.param(File(file_id="file-1"), IMAGE_TOKENS, id="file-elsewhere"),
        pytest.param(Reasoning("Think about it first."), 4, id="reasoning"),
        pytest.param(ToolCall("1", "get_weather", '{"city": "Berlin"}'), 8, id="tool-call"),
        pytest.param(ToolResult("1", (Text("22 degrees"),)), 3, id="tool-result"),
    ],
)
def test_every_kind_of_part_counts(part, least):
    empty = estimate_message_tokens([Message("user", ())])

    assert estimate_message_tokens([Message("user", (part,))]) - empty >= least


def test_request_counts_tools_and_schema():
    request = CompletionRequest(model="m", messages=(user("Hello"),))
    tool = Tool(
        "get_weather", "The weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}}
    )
    full = CompletionRequest(
        model="m",
        messages=(user("Hello"),),
        tools=(tool,),
        output_format=OutputFormat(schema={"type": "object"}),
    )

    assert estimate_request_tokens(request) == estimate_message_tokens(request.messages)
    assert estimate_request_tokens(full) > estimate_request_tokens(request) + 25


def _plain_requests():
    """Recorded requests of text alone, with the count of input tokens that the provider gave."""
    for exchange in load_exchanges(["openai-chat", "anthropic-messages", "ollama-native"]):
        request = exchange.request
        if exchange.is_error or exchange.tags & _NOT_PLAIN or not request or exchange.id in _ODD:
            continue
        if any(request.get(name) for name in ("tools", "functions", "response_format", "format")):
            continue
        if any(name in str(request.get("model")) for name in _PADDED):
            continue
        counts = [int(count) for count in _INPUT_COUNT.findall(exchange.body)]
        said = [
            *([{"role": "system", "content": request["system"]}] if request.get("system") else []),
            *request.get("messages", ()),
        ]
        texts = [_plain_text(message.get("content")) for message in said]
        if counts and max(counts) and None not in texts:
            messages = [
                {"system": system, "user": user, "assistant": assistant}.get(message["role"], user)(text)
                for message, text in zip(said, texts, strict=True)
            ]
            yield exchange, messages, max(counts)


def _plain_text(content):
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(set(part) <= {"type", "text", "cache_control"} for part in content):
        return "".join(part["text"] for part in content)
    return None


@needs_all_recordings
def test_median_error_on_recorded_requests_is_below_12_percent():
    errors = [abs(estimate_message_tokens(messages) / said - 1) for _, messages, said in _plain_requests()]

    assert len(errors) >= 30
    assert statistics.median(errors) <= 0.12, statistics.median(errors)


@needs_all_recordings
def test_error_on_recorded_requests_above_100_tokens_is_below_10_percent():
    """Where the count matters, the marks between messages hardly do."""
    errors = {
        str(exchange): round(estimate_message_tokens(messages) / said - 1, 3)
        for exchange, messages, said in _plain_requests()
        if said > 100
    }

    assert len(errors) >= 5
    assert all(abs(error) <= 0.10 for error in errors.values()), json.dumps(errors)
