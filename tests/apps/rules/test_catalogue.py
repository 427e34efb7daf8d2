"""What a platform can do, in the forms in which platforms say it."""

from typing import Any

import pytest

from officium.apps.rules.capabilities import example_content
from officium.apps.rules.catalogue import Catalogue, read_catalogue
from officium.apps.rules.errors import InvalidCatalogue
from tests.support.rules import SMALL, example_catalogue


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"x": value}
    return value


def test_example_has_more_than_forty_actions_and_names_only_what_it_has():
    catalogue = example_catalogue()

    triggers, facts, actions = (
        set(catalogue.trigger_by_name),
        set(catalogue.fact_by_path),
        set(catalogue.action_by_name),
    )
    assert len(actions) >= 40
    assert {trigger.kind for trigger in catalogue.triggers} == {"periodic", "metric", "event"}
    for action in catalogue.action_types:
        assert set(action.emits) <= triggers
        assert set(action.writes) <= facts
        assert set(action.opposes) <= actions
        assert set(action.target) <= set(action.parameters["properties"])


def test_example_is_understood_as_it_is_shown():
    catalogue = example_catalogue()

    assert read_catalogue(catalogue.model_dump(mode="json")) == catalogue


def test_names_alone_are_a_catalogue():
    catalogue = read_catalogue({"condition_types": ["metrics.cpu"], "action_types": ["NOTIFY"]})

    assert list(catalogue.trigger_by_name) == ["ON_WORKFLOW_START"]
    assert catalogue.fact_by_path["metrics.cpu"].type == "any"
    assert catalogue.validator_of(catalogue.action_by_name["NOTIFY"]).is_valid({"anything": 1})


def test_mappings_from_names_are_a_catalogue():
    catalogue = read_catalogue(
        {
            "trigger_types": {"TICK": {"kind": "periodic"}},
            "condition_types": {"cpu": "float", "$status": {"type": "string", "enum": ["on"]}},
            "action_types": {"NOTIFY": {"params": {"to": {"type": "string", "required": True}}}},
        }
    )

    notify = catalogue.validator_of(catalogue.action_by_name["NOTIFY"])
    assert catalogue.trigger_by_name["TICK"].kind == "periodic"
    assert catalogue.fact_by_path["cpu"].type == "number"
    assert catalogue.fact_by_path["status"].values == ("on",)
    assert [notify.is_valid(params) for params in ({"to": "x"}, {}, {"to": "x", "cc": "y"}, {"to": 1})] == [
        True,
        False,
        False,
        False,
    ]


def test_parameters_that_are_said_to_be_none_are_none():
    catalogue = read_catalogue(SMALL)

    restart = catalogue.validator_of(catalogue.action_by_name["RESTART"])
    assert restart.is_valid({})
    assert not restart.is_valid({"x": 1})


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        pytest.param([], "/", id="no object"),
        pytest.param({"action_types": 7}, "/action_types", id="no list"),
        pytest.param({"action_types": [7]}, "/action_types/0", id="no entry"),
        pytest.param({"action_types": [{}]}, "/action_types/0/name", id="without a name"),
        pytest.param({"action_types": ["a b"]}, "/action_types/0/name", id="a name with a space"),
        pytest.param({"action_types": ["A", "A"]}, "/action_types/1", id="twice"),
        pytest.param({"condition_types": ["a..b"]}, "/condition_types/0/path", id="a broken path"),
        pytest.param(
            {"condition_types": [{"path": "a", "type": "colour"}]}, "/condition_types/0/type", id="a type"
        ),
        pytest.param({"triggers": [{"name": "T", "kind": "magic"}]}, "/triggers/0/kind", id="a kind"),
        pytest.param(
            {"action_types": [{"name": "A", "parameters": {"properties": {"x": {"type": "colour"}}}}]},
            "/action_types/0/parameters",
            id="no schema",
        ),
        pytest.param(
            {"action_types": [{"name": "A", "parameters": {"properties": {"x": {"$ref": "http://h/s"}}}}]},
            "/action_types/0/parameters",
            id="a schema from elsewhere",
        ),
        pytest.param(
            {"action_types": [{"name": "A", "parameters": {"properties": {"x": {"pattern": "(?=a)+("}}}}]},
            "/action_types/0/parameters",
            id="a pattern that backtracks",
        ),
        pytest.param({"action_types": [], "more": deep(30)}, "/", id="too deep"),
        pytest.param({"action_types": [], "more": "x" * 2**20}, "/", id="too large"),
        pytest.param({"action_types": [{"name": "A", "description": "x" * 3000}]}, None, id="too wordy"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(said: Any, pointer: str | None):
    with pytest.raises(InvalidCatalogue) as raised:
        read_catalogue(said)

    if pointer is not None:
        assert str(raised.value.fields["param"]).startswith(pointer)


def test_what_a_catalogue_says_besides_is_passed_over():
    assert isinstance(read_catalogue({**example_content(), "tenants": {"x": 1}, "version": 3}), Catalogue)
