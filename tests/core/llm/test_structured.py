import json
import socket
import time
from datetime import date
from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from officium.core.llm.completion import Completion
from officium.core.llm.errors import LLMValidationError
from officium.core.llm.message import Refusal, Text
from officium.core.llm.structured import (
    OutputSchema,
    PartialReader,
    SchemaMismatch,
    close_schema,
    correction,
    find_object,
    instruction,
    read_answer,
)


class Deal(BaseModel):
    title: str
    amount: Decimal
    due: date | None = None


class Report(BaseModel):
    name: str
    deals: list[Deal] = Field(default_factory=list)
    owner: Deal | None = None


DEAL = OutputSchema(Deal)
GOOD = '{"title": "Alpha", "amount": 12.50, "due": "2026-01-15"}'
ALPHA = Deal(title="Alpha", amount=Decimal("12.50"), due=date(2026, 1, 15))


def _completion(text, finish_reason="stop"):
    return Completion(parts=(Text(text),), finish_reason=finish_reason, model="m")


@pytest.mark.parametrize(
    ("text", "rung"),
    [
        pytest.param(GOOD, "whole", id="plain"),
        pytest.param(f"\n  {GOOD}\n", "whole", id="white-space"),
        pytest.param(f"\ufeff{GOOD}", "whole", id="byte-order-mark"),
        pytest.param(f"```json\n{GOOD}\n```", "code block", id="fence"),
        pytest.param(f"Here it is:\n\n```\n{GOOD}\n```\nAnything else?", "code block", id="fence-in-prose"),
        pytest.param(f"```JSON\r\n{GOOD}\r\n```", "code block", id="fence-with-crlf"),
        pytest.param(f"```json\n{GOOD}", "code block", id="fence-never-closed"),
        pytest.param(f"```\nnot this\n```\n```json\n{GOOD}\n```", "code block", id="second-fence"),
        pytest.param(f"Sure! {GOOD} Hope that helps.", "prose", id="prose"),
        pytest.param(f"Set {{x}} aside: {GOOD}", "prose", id="braces-before"),
        pytest.param(
            f'{{"title": "an example"}} is wrong, {GOOD} is right', "prose", id="first-object-does-not-fit"
        ),
        pytest.param(
            'I say: {"title": "a } in a \\"string\\"", "amount": 1}', "prose", id="brackets-in-strings"
        ),
        pytest.param(
            "{'title': 'Alpha', 'amount': 12.5,}", "repaired", id="single-quotes-and-trailing-comma"
        ),
        pytest.param('{"title": "Alpha", "amount": 12.5 // euros\n}', "repaired", id="comment"),
        pytest.param('Answer: {title: "Alpha", amount: 12.5}', "repaired", id="bare-keys-in-prose"),
    ],
)
def test_object_is_found(text, rung):
    found = find_object(text, DEAL)

    assert found.rung == rung
    assert found.value.amount


@pytest.mark.parametrize("amount", ["1234567890123.45", "0.1", "999999999999999", "0.000000000000001"])
def test_amounts_keep_15_digits(amount):
    found = find_object(f'{{"title": "x", "amount": {amount}}}', DEAL)

    assert found.value.amount == Decimal(amount)


def test_strict_models_take_json_dates():
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        due: date

    assert find_object('{"due": "2026-01-15"}', OutputSchema(Strict)).value.due == date(2026, 1, 15)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        pytest.param(list[int], "The numbers: [1, 2, 3]", [1, 2, 3], id="list"),
        pytest.param(int, "42", 42, id="scalar"),
        pytest.param({"type": "object", "required": ["a"]}, 'So: {"a": 1}', {"a": 1}, id="json-schema"),
    ],
)
def test_other_schemas(schema, text, value):
    assert find_object(text, OutputSchema(schema)).value == value


@pytest.mark.parametrize(
    ("schema", "text", "words"),
    [
        pytest.param(Deal, '{"title": "Alpha"}', "amount: Field required", id="pydantic"),
        pytest.param(Deal, "I cannot say.", "no JSON was found", id="no-json"),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            '{"a": "x"}',
            "a: ",
            id="json-schema",
        ),
        pytest.param(Deal, '{"title": "x", "amount": NaN}', "amount", id="nan-is-no-json"),
    ],
)
def test_mismatch_says_where(schema, text, words):
    with pytest.raises(SchemaMismatch, match=words):
        find_object(text, OutputSchema(schema))


@pytest.mark.parametrize(
    ("completion", "reason", "words"),
    [
        pytest.param(_completion(""), "empty", "empty", id="empty"),
        pytest.param(_completion("", "length"), "length", "max_tokens", id="all-tokens-went-to-thinking"),
        pytest.param(_completion('{"title": "Al', "length"), "length", "cut short", id="cut"),
        pytest.param(
            _completion(GOOD + ' {"title": "B', "length"),
            "length",
            "cut short",
            id="cut-after-a-whole-object",
        ),
        pytest.param(Completion(parts=(Refusal("I will not."),)), "refused", "refused", id="refusal"),
        pytest.param(_completion("", "content_filter"), "refused", "refused", id="filtered"),
        pytest.param(_completion('{"title": 3}'), "mismatch", "Deal", id="mismatch"),
    ],
)
def test_failure_is_named(completion, reason, words):
    with pytest.raises(LLMValidationError, match=words) as failure:
        read_answer(completion, DEAL)

    assert failure.value.fields["reason"] == reason
    assert failure.value.fields["errors"]
    assert failure.value.raw_text == completion.text


def test_correction_quotes_answer_and_errors():
    with pytest.raises(LLMValidationError) as failure:
        read_answer(_completion('{"title": 3}'), DEAL)

    said, asked = correction(failure.value)

    assert (said.role, said.text) == ("assistant", '{"title": 3}')
    assert "amount: Field required" in asked.text
    assert "title: Input should be a valid string" in asked.text


def test_correction_of_nothing_has_no_empty_turn():
    with pytest.raises(LLMValidationError) as failure:
        read_answer(_completion(" "), DEAL)

    assert [turn.role for turn in correction(failure.value)] == ["user"]


def test_instruction_holds_the_schema():
    schema = json.loads(instruction(DEAL).partition("\n")[2])

    assert schema == Deal.model_json_schema()


def test_output_format_is_strict_where_the_schema_can_be_closed():
    wanted = OutputSchema(Report).output_format

    assert wanted.strict is True
    assert wanted.name == "Report"
    assert wanted.schema["additionalProperties"] is False
    assert wanted.schema["required"] == ["name", "deals", "owner"]
    assert wanted.schema["$defs"]["Deal"]["additionalProperties"] is False


class _FreeForm(BaseModel):
    extra: dict[str, int]


def test_schema_that_cannot_be_closed_is_asked_for_as_it_is():
    wanted = OutputSchema(_FreeForm).output_format

    assert wanted.strict is None
    assert wanted.schema == _FreeForm.model_json_schema()


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "array", "items": {"type": "string"}}, id="no-object"),
        pytest.param({"type": "object"}, id="object-without-properties"),
        pytest.param({"type": "object", "properties": {"a": {}}}, id="anything"),
        pytest.param({"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}, id="one-of"),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}}, id="other-format"
        ),
        pytest.param({"type": "object", "properties": {"a": {"type": "array"}}}, id="free-array"),
    ],
)
def test_schema_cannot_be_closed(schema):
    assert close_schema(schema) is None


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        pytest.param(Deal, "Deal", id="model"),
        pytest.param({"title": "a b/c", "type": "object"}, "a_b_c", id="title"),
        pytest.param({"type": "object"}, "answer", id="nameless"),
        pytest.param({"title": "x" * 99, "type": "object"}, "x" * 64, id="long"),
    ],
)
def test_name_is_one_that_providers_accept(schema, name):
    assert OutputSchema(schema).name == name


def test_partial_reader_fills_an_object_as_it_comes():
    reader = PartialReader(OutputSchema(Report))
    text = 'Here: {"name": "Q3 report", "deals": [{"title": "Alpha", "amount": 5}], "owner": {"title": "Bo'

    seen = [report for letter in text if (report := reader.feed(letter)) is not None]

    assert seen[0].name == ""
    assert seen[0].deals == []
    assert seen[-1].name == "Q3 report"
    assert isinstance(seen[-1].deals[0], Deal)
    assert seen[-1].deals[0].amount == 5
    assert seen[-1].deals[0].due is None
    assert seen[-1].owner.title == "Bo"
    assert seen[-1].owner.amount is None


def test_partial_reader_gives_nothing_before_there_is_something():
    reader = PartialReader(OutputSchema(Report))

    assert [reader.feed(piece) for piece in ("Well", " then", " {", "]")] == [None] * 4


def test_partial_reader_of_a_json_schema_gives_plain_values():
    reader = PartialReader(OutputSchema({"type": "object"}))

    assert reader.feed('{"a": [1, 2') == {"a": [1, 2]}


def test_partial_reading_takes_linear_time():
    reader = PartialReader(OutputSchema({"type": "object"}))
    started = time.perf_counter()

    reader.feed('{"items": [')
    for number in range(20_000):
        reader.feed(f'"item {number}",')

    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    "text", ["{" * 50_000, "[" * 50_000, '{"a":' * 20_000, '"' * 50_001, "```\n" * 20_000]
)
def test_hostile_text_is_given_up_quickly(text):
    started = time.perf_counter()

    with pytest.raises(SchemaMismatch):
        find_object(text, DEAL)

    assert time.perf_counter() - started < 3


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(
    st.dictionaries(st.text(max_size=8), _JSON, min_size=1, max_size=4),
    st.sampled_from(["", "Here: ", "```json\n"]),
)
@settings(max_examples=150, deadline=None)
def test_any_object_is_found_wherever_it_stands(value, before):
    text = before + json.dumps(value) + ("\n```" if before.startswith("`") else "")

    assert find_object(text, OutputSchema({"type": "object"})).value == value


@given(_JSON)
@settings(max_examples=100, deadline=None)
def test_closed_schema_admits_only_what_the_schema_admits(value):
    closed = close_schema(Report.model_json_schema())

    assert closed is not None
    if jsonschema_rs.is_valid(closed, value):
        assert jsonschema_rs.is_valid(Report.model_json_schema(), value)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_search(text):
    with pytest.raises(SchemaMismatch):
        find_object(text, DEAL)


def test_nothing_is_fetched_that_a_schema_points_to():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        schema = OutputSchema({"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/secret"})

        with pytest.raises(Exception, match="secret"):
            schema.read("{}")
        with pytest.raises(TimeoutError):
            listener.accept()
