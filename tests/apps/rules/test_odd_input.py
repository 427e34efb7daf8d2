"""Whatever JSON is sent: a catalogue or a reason, a rule or its mistakes, and nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from officium.apps.rules.answer import read_answer
from officium.apps.rules.answer_schema import answer_schema
from officium.apps.rules.catalogue import Catalogue, read_catalogue
from officium.apps.rules.catalogue_text import catalogue_text
from officium.apps.rules.check import check_workflow
from officium.apps.rules.errors import InvalidCatalogue
from officium.core.llm.completion import Completion
from officium.core.llm.message import Text
from tests.support.rules import SMALL, small_catalogue

_NAMES = """
workflow_name trigger trigger_params rules name condition then action params triggers condition_types
action_types
path type parameters properties required values kind minimum enum x a/b~c not_possible workflow_rules
"""
_KEYS = st.sampled_from(_NAMES.split())
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["NOTIFY", "ON_METRIC_UPDATE", "$metrics.cpu > 80", "true", "object", "string", "\ud800", "a\0b"]
    ),
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=6)),
    max_leaves=25,
)


def catalogue_in(said: object) -> Catalogue | None:
    try:
        return read_catalogue(said)
    except InvalidCatalogue:
        return None


@given(_JSON)
def test_whatever_is_sent_as_a_catalogue_is_one_or_is_refused(said: Any):
    catalogue = catalogue_in(said)

    if catalogue is not None:
        assert read_catalogue(catalogue.model_dump(mode="json")) == catalogue
        assert isinstance(catalogue_text(catalogue), str)
        assert isinstance(answer_schema(catalogue), dict)


@given(st.dictionaries(st.sampled_from(["triggers", "condition_types", "action_types"]), _JSON))
def test_whatever_its_lists_hold(said: Any):
    catalogue = catalogue_in(said)

    assert catalogue is None or read_catalogue(catalogue.model_dump(mode="json")) == catalogue


@given(_JSON)
def test_whatever_is_sent_as_a_rule_is_one_or_has_mistakes(said: Any):
    checked = check_workflow(said, small_catalogue())

    assert (checked.workflow is None) == bool(checked.problems)


_RULE = st.fixed_dictionaries(
    {"name": _SCALARS, "condition": _SCALARS, "then": st.lists(_JSON, max_size=3)}, optional={"x": _JSON}
)


@given(
    st.fixed_dictionaries(
        {
            "workflow_name": _SCALARS,
            "trigger": st.one_of(_SCALARS, st.just("ON_METRIC_UPDATE")),
            "rules": st.lists(_RULE, max_size=3),
        },
        optional={"trigger_params": _JSON},
    )
)
def test_whatever_a_rule_of_the_right_shape_holds(said: Any):
    checked = check_workflow(said, small_catalogue())

    assert (checked.workflow is None) == bool(checked.problems)


@given(st.one_of(_JSON.map(lambda value: json.dumps(value, ensure_ascii=True)), st.text(max_size=60)))
def test_whatever_a_model_says_is_a_rule_or_has_mistakes(text: str):
    read = read_answer(Completion(parts=(Text(text),)), small_catalogue(), "")

    assert (read.said is not None) or read.problems or read.not_possible
    if read.said is not None:
        assert check_workflow(read.said, read_catalogue(SMALL)).problems == ()
