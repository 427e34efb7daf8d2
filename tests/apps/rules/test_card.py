"""A workflow as a card."""

import pytest

from officium.apps.rules.card import Clause, card_of
from officium.apps.rules.rule import workflow_from
from tests.support.rules import small_catalogue


def _clause(condition: str) -> Clause:
    rule = {"name": "r", "condition": condition, "then": [{"action": "NOTIFY", "params": {"to": "ops"}}]}
    workflow = {"workflow_name": "w", "trigger": "ON_METRIC_UPDATE", "rules": [rule]}
    return card_of(workflow_from(workflow), small_catalogue()).rules[0].clause


def _shape(clause: Clause) -> object:
    if clause.kind == "says":
        return clause.words
    return (clause.kind, [_shape(each) for each in clause.clauses])


@pytest.mark.parametrize(
    ("condition", "shape"),
    [
        ("$metrics.cpu > 80", "metrics.cpu is above 80 %"),
        ("NOT $metrics.cpu > 80", "metrics.cpu is not above 80 %"),
        (
            "$metrics.cpu > 80 AND ($status == running OR $flags.maintenance)",
            (
                "all",
                ["metrics.cpu is above 80 %", ("any", ["status is running", "flags.maintenance is true"])],
            ),
        ),
        (
            "NOT ($metrics.cpu > 80 OR $status == stopped)",
            ("none", ["metrics.cpu is above 80 %", "status is stopped"]),
        ),
        (
            "NOT ($metrics.cpu > 80 AND $status == stopped)",
            ("not_all", ["metrics.cpu is above 80 %", "status is stopped"]),
        ),
    ],
    ids=["one", "not", "all of any", "none", "not all"],
)
def test_condition_is_a_tree_of_clauses_in_words(condition: str, shape: object):
    assert _shape(_clause(condition)) == shape


def test_card_says_what_the_trigger_was_told_and_what_is_done():
    rule = {"name": "r", "condition": "true", "then": [{"action": "RESTART"}]}
    workflow = {
        "workflow_name": "nightly",
        "trigger": "ON_WORKFLOW_START",
        "trigger_params": {"at": "02:00", "for_minutes": 5},
        "rules": [rule],
    }

    card = card_of(workflow_from(workflow), small_catalogue())

    assert card.details == ["every day at 02:00 UTC", "once the condition has held for 5 minutes"]
    assert (card.rules[0].is_always, card.rules[0].actions[0].words) == (True, "restart")
