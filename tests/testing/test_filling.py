import json
import re
import socket

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from officium.testing.filling import SchemaUnusable, fill, matching_text

_NAMES = st.sampled_from(["name", "city", "confidence", "items", "note", "email", "age", "x"])


def _bounded(kind, low_key, high_key, low, high):
    return st.tuples(st.integers(low, high), st.integers(0, high - low)).map(
        lambda ends: {"type": kind, low_key: ends[0], high_key: ends[0] + ends[1]}
    )


def _objects(schemas):
    return st.dictionaries(_NAMES, schemas, max_size=4).flatmap(
        lambda properties: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(properties),
                "required": st.lists(st.sampled_from(sorted(properties)), unique=True)
                if properties
                else st.just([]),
                "additionalProperties": st.booleans(),
            }
        )
    )


def _arrays(schemas):
    return st.tuples(schemas, st.integers(0, 4), st.integers(0, 3)).map(
        lambda said: {"type": "array", "items": said[0], "minItems": said[1], "maxItems": said[1] + said[2]}
    )


_LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
    st.sampled_from(
        ["date", "date-time", "email", "uuid", "uri", "ipv4", "ipv6", "hostname", "time", "duration"]
    ).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(
        [r"^[A-Z]{3}-\d{2,4}$", r"^\+?[0-9 ]{5,}$", r"^(red|green)$", r"[^a-z]x?", r"^\w+@\w+\.com$"]
    ).map(lambda pattern: {"type": "string", "pattern": pattern}),
    _bounded("string", "minLength", "maxLength", 0, 60),
    _bounded("integer", "minimum", "maximum", -1000, 1000),
    _bounded("number", "minimum", "maximum", -1000, 1000),
    st.integers(-9, 9).map(
        lambda low: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 1}
    ),
    st.integers(1, 60).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 7}),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none()).map(
        lambda value: {"const": value}
    ),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda schemas: st.one_of(
        _objects(schemas),
        _arrays(schemas),
        st.lists(schemas, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        st.tuples(_objects(schemas), _objects(schemas)).map(
            lambda parts: {"allOf": [{**part, "additionalProperties": True} for part in parts]}
        ),
    ),
    max_leaves=12,
)


def _is_satisfiable_by_us(schema):
    """Random `allOf` may contradict itself (the same property as a string and as a number)."""
    return "allOf" not in json.dumps(schema)


@given(_SCHEMAS.filter(_is_satisfiable_by_us))
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_filled_value_fits_any_schema(schema):
    value = fill(schema)

    jsonschema_rs.validate(schema, value, validate_formats=True)


@given(_SCHEMAS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_filling_never_fails_and_repeats_itself(schema):
    assert json.dumps(fill(schema)) == json.dumps(fill(schema))


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(
            {
                "$defs": {
                    "node": {
                        "type": "object",
                        "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}},
                        "required": ["n"],
                    }
                },
                "$ref": "#/$defs/node",
            },
            id="recursive-reference",
        ),
        pytest.param(
            {
                "$defs": {
                    "tree": {
                        "type": "object",
                        "properties": {"left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}},
                        "required": ["left"],
                        "additionalProperties": False,
                    }
                },
                "type": "object",
                "properties": {"root": {"$ref": "#/$defs/tree"}},
                "required": ["root"],
            },
            id="recursion-that-must-end-in-null",
        ),
        pytest.param(
            {
                "allOf": [
                    {
                        "type": "object",
                        "properties": {"a": {"type": "integer", "minimum": 3}},
                        "required": ["a"],
                    },
                    {"properties": {"a": {"maximum": 5}, "b": {"type": "string"}}, "required": ["b"]},
                ]
            },
            id="all-of-merges",
        ),
        pytest.param(
            {
                "oneOf": [
                    {"type": "number"},
                    {"type": "integer", "minimum": 0},
                    {"type": "string", "minLength": 2},
                ]
            },
            id="exactly-one-of",
        ),
        pytest.param(
            {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
            id="unique-enums",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
            id="unique-integers",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
            id="tuple",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
            id="free-keys",
        ),
        pytest.param(
            {"type": "object", "required": ["x_1"], "patternProperties": {"^x_": {"type": "boolean"}}},
            id="pattern-properties",
        ),
        pytest.param(
            {"type": "string", "pattern": "^a*$", "minLength": 12, "maxLength": 14}, id="pattern-with-length"
        ),
        pytest.param({"not": {"type": "null"}}, id="not-null"),
        pytest.param({}, id="anything"),
    ],
)
def test_filled_value_fits(schema):
    jsonschema_rs.validate(schema, fill(schema))


def test_names_give_plausible_values():
    schema = {
        "type": "object",
        "properties": {"email": {"type": "string"}, "confidence": {"type": "number", "maximum": 1}},
    }

    assert fill(schema) == {"email": "ada@example.com", "confidence": 0.85}


def test_hints_fill_free_strings():
    assert fill({"type": "object", "properties": {"query": {"type": "string"}}}, {"query": "rain"}) == {
        "query": "rain"
    }


@pytest.mark.parametrize(
    "pattern", [r"^\d{4}-\d{2}$", r"(?:ab|cd)+e?", r"[^0-9]{2}\s\W", r"^[A-Za-z_]\w*$", r"^.{3}$"]
)
def test_written_text_matches_pattern(pattern):
    assert re.search(pattern, matching_text(pattern) or "")


@pytest.mark.parametrize("pattern", [r"(a)\1(?=b)", r"["], ids=["look-ahead", "broken"])
def test_pattern_beyond_us_gives_nothing(pattern):
    assert matching_text(pattern) is None


def test_wide_recursion_stays_small():
    branches = {name: {"$ref": "#/$defs/tree"} for name in "abcdef"}
    schema = {"$defs": {"tree": {"type": "object", "properties": branches}}, "$ref": "#/$defs/tree"}

    assert len(json.dumps(fill(schema))) < 20_000


def test_endless_recursion_ends():
    schema = {
        "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}},
        "$ref": "#/$defs/a",
    }

    assert isinstance(fill(schema), dict)


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": 5}, "no JSON Schema"),
        ({"properties": True}, "no JSON Schema"),
        ({"required": [1]}, "no JSON Schema"),
        ({"type": "string", "minLength": 10**10}, "too large"),
        ({"type": "array", "minItems": 10**10}, "too large"),
        ({"type": "array", "minItems": 2, "items": {"$ref": "#"}}, "too large"),
        ({"type": "string", "pattern": "(?:(?:(?:a{100}){100}){100}){100}"}, "too large"),
        ({"type": "string", "pattern": "(?:(?:(?:(?:){1000}){1000}){1000}){1000}"}, "too large"),
        ({"type": "number", "minimum": 10**400}, "too large"),
        ({"type": "number", "minimum": 1, "multipleOf": 1e-320}, "too large"),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, "too large"),
    ],
    ids=[
        "number-for-a-type",
        "flag-for-properties",
        "number-for-a-name",
        "long-text",
        "long-list",
        "endless",
        "long-pattern",
        "slow-pattern",
        "huge-number",
        "tiny-steps",
        "circle",
    ],
)
def test_schema_of_an_attacker_is_refused_at_once(schema, complaint):
    with pytest.raises(SchemaUnusable, match=complaint):
        fill(schema)


def test_pattern_that_keeps_an_engine_busy_is_filled_at_once():
    assert len(fill({"type": "string", "pattern": "^(a+)+$", "minLength": 45})) >= 45


def test_nothing_is_fetched_that_a_schema_points_to():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        fill({"anyOf": [{"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/secret"}, {"type": "null"}]})

        with pytest.raises(TimeoutError):
            listener.accept()
