"""The part of a large catalogue that a sentence is about, and the words in which it is told."""

import pytest

from officium.apps.rules.catalogue import read_catalogue
from officium.apps.rules.catalogue_text import catalogue_text
from officium.apps.rules.closest import closest, did_you_mean
from officium.apps.rules.description import describe_workflow
from officium.apps.rules.relevance import relevant_part
from officium.apps.rules.rule import workflow_from
from officium.apps.rules.words import words_of
from tests.support.rules import example_catalogue, small_catalogue

MANY = {
    "action_types": [*(f"UNRELATED_{number}" for number in range(300)), "CREATE_JIRA_ISSUE", "POST_TO_SLACK"],
    "condition_types": ["build.status", "build.branch"],
}


def test_small_catalogue_is_shown_whole():
    part = relevant_part(small_catalogue(), "anything")

    assert part.is_all
    assert part.catalogue == small_catalogue()


def test_of_a_large_one_what_shares_words_with_the_sentence_is_shown():
    part = relevant_part(read_catalogue(MANY), "Create issues in Jira when the build is broken")

    names = [action.name for action in part.catalogue.action_types]
    assert "CREATE_JIRA_ISSUE" in names
    assert len(names) < 40
    assert not part.is_all


def test_what_rules_use_already_is_always_shown():
    part = relevant_part(read_catalogue(MANY), "Create issues in Jira", keep={"UNRELATED_299"})

    assert "UNRELATED_299" in part.catalogue.action_by_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("notifications", "alerting"),
        ("databases", "database"),
        ("creating", "CREATE"),
        ("issues", "issue"),
        ("sendEmail", "send_mail"),
    ],
)
def test_forms_of_one_word_are_the_same(one: str, other: str):
    assert words_of(one) == words_of(other)


def test_names_that_look_alike_are_suggested_likeliest_first():
    known = ["SEND_EMAIL", "SEND_SMS", "RESTART_SERVICE"]

    assert closest("SEND_EMIAL", known)[0] == "SEND_EMAIL"
    assert closest("send-email", known)[0] == "SEND_EMAIL"
    assert closest("xyz", known) == ()
    assert did_you_mean(["A", "B"]) == " Did you mean A or B?"


def test_catalogue_is_told_in_a_line_for_each_capability():
    lines = catalogue_text(small_catalogue()).splitlines()

    assert "- $metrics.cpu: number, in %, 0..100" in lines
    assert "- $status: string, one of running, stopped" in lines
    assert "- NOTIFY: params: to (string, needed), level (one of low, high)" in lines


def test_rules_are_said_in_words():
    workflow = workflow_from(
        {
            "workflow_name": "w",
            "trigger": "ON_SCHEDULE",
            "trigger_params": {"at": "09:00", "weekdays": ["monday"]},
            "rules": [
                {
                    "name": "a",
                    "condition": "$metrics.cpu > 80 AND $status == running",
                    "then": [
                        {"action": "RESTART_SERVICE", "params": {}},
                        {"action": "SCALE_UP", "params": {"instances": 2}},
                    ],
                },
                {"name": "b", "condition": "true", "then": [{"action": "WAIT", "params": {"minutes": 5}}]},
            ],
        }
    )

    said = describe_workflow(workflow, example_catalogue())

    assert said == (
        "Looked at on the schedule ON_SCHEDULE (on monday at 09:00 UTC). "
        "If metrics.cpu is above 80 % and status is running, restart service, then scale up (instances 2). "
        "Always wait (minutes 5)."
    )
