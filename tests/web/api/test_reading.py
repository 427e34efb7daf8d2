from collections.abc import Callable
from typing import Any

import pytest

from officium.kit.errors import InvalidRequest
from officium.web.api import reading


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (reading.text_field, "a", "a"),
        (reading.text_field, None, None),
        (reading.required_text, "a", "a"),
        (reading.number, 1, 1),
        (reading.number, 0.5, 0.5),
        (reading.number, None, None),
        (reading.integer, 3, 3),
        (reading.integer, 3.0, 3),
        (reading.integer, None, None),
        (reading.flag, False, False),
        (reading.flag, None, None),
        (reading.object_field, {"a": 1}, {"a": 1}),
        (reading.object_field, None, None),
        (reading.required_object, {}, {}),
        (reading.list_field, [1], [1]),
        (reading.list_field, None, None),
        (reading.list_of_texts, ["a"], ("a",)),
        (reading.list_of_texts, None, ()),
    ],
)
def test_field_is_read(read: Callable[..., Any], value: object, expected: object) -> None:
    assert read({"field": value}, "field") == expected
    if value is None:
        assert read({}, "field") == expected


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (reading.text_field, 1, "`field` must be a string, not a number."),
        (reading.required_text, "", "`field` is required and must be a string that is not empty."),
        (reading.required_text, None, "`field` is required and must be a string that is not empty."),
        (reading.number, "1", "`field` must be a number, not a string."),
        (reading.number, True, "`field` must be a number, not a boolean."),
        (reading.integer, 1.5, "`field` must be a whole number, not a number."),
        (reading.integer, False, "`field` must be a whole number, not a boolean."),
        (reading.flag, 0, "`field` must be true or false, not a number."),
        (reading.object_field, [], "`field` must be an object, not a list."),
        (reading.required_object, None, "`field` is required and must be an object."),
        (reading.list_field, {}, "`field` must be a list, not an object."),
    ],
)
def test_wrong_type_is_refused_in_words(read: Callable[..., Any], value: object, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({"field": value}, "field")

    assert caught.value.message == sentence
    assert caught.value.fields["param"] == "field"


@pytest.mark.parametrize(
    ("low", "high", "value", "sentence"),
    [
        (1, None, 0, "`field` must be at least 1."),
        (None, 5, 6, "`field` must be at most 5."),
        (0, 2, 2.5, "`field` must lie between 0 and 2."),
        (0, 2, float("nan"), "`field` must lie between 0 and 2."),
    ],
)
def test_number_out_of_range_is_refused(low: Any, high: Any, value: float, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reading.number({"field": value}, "field", low, high)

    assert caught.value.message == sentence


@pytest.mark.parametrize("value", [0, 2])
def test_bounds_belong_to_the_range(value: int) -> None:
    assert reading.number({"field": value}, "field", 0, 2) == value


def test_choice_names_what_is_allowed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        reading.choice({"role": "boss"}, "role", ("user", "assistant"), "messages[0]")

    assert caught.value.message == "`messages[0].role` must be one of 'user', 'assistant'."


def test_objects_of_a_list_come_with_their_paths() -> None:
    body = {"messages": [{"content": [{"a": 1}, {"b": 2}]}]}

    found = [
        place
        for path, message in reading.list_of_objects(body, "messages")
        for place in reading.list_of_objects(message, "content", path)
    ]

    assert found == [("messages[0].content[0]", {"a": 1}), ("messages[0].content[1]", {"b": 2})]


@pytest.mark.parametrize(
    ("read", "param"), [(reading.list_of_objects, "field[1]"), (reading.list_of_texts, "field[0]")]
)
def test_wrong_element_is_refused_by_its_place(read: Callable[..., Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        list(read({"field": [{}, "a"]}, "field"))

    assert caught.value.fields["param"] == param
