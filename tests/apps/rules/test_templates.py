"""Plain English sentences without a model: what is understood is right, and the rest is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.rules.check import check_workflow
from officium.apps.rules.templates import NotUnderstood, write_by_template
from tests.support.rules import example_catalogue

CATALOGUE = example_catalogue()


def rule_of(sentence: str) -> tuple[dict[str, Any], dict[str, Any]]:
    said = dict(write_by_template(sentence, CATALOGUE).said)
    assert check_workflow(said, CATALOGUE, sentence).problems == ()
    return said, said["rules"][0]


UNDERSTOOD = [
    (
        "Alert team when database memory exceeds 85%",
        ("ON_METRIC_UPDATE", "($metrics.db_memory_percent > 85)", ["SEND_WITH_ESCALATION"]),
    ),
    (
        "When the error rate is over 5 percent, page on-call",
        ("ON_METRIC_UPDATE", "($metrics.error_rate > 5)", ["PAGE_ON_CALL"]),
    ),
    (
        "If free disk space drops below 10 GB then notify ops and clean up the disk",
        ("ON_METRIC_UPDATE", "($metrics.disk_free_gb < 10)", ["NOTIFY", "CLEAN_UP_DISK"]),
    ),
    (
        "notify finance when the invoice is more than 30 days overdue",
        ("ON_INVOICE_CREATED", "($invoice.days_overdue > 30)", ["NOTIFY"]),
    ),
    (
        "When an invoice is overdue, send an invoice reminder",
        ("ON_INVOICE_OVERDUE", "true", ["SEND_INVOICE_REMINDER"]),
    ),
    (
        "When a ticket is created and the ticket priority is urgent, page on-call",
        ("ON_TICKET_CREATED", '($ticket.priority == "urgent")', ["PAGE_ON_CALL"]),
    ),
    (
        "If the customer plan is enterprise and the ticket is VIP, set the ticket priority to urgent",
        (
            "ON_TICKET_UPDATED",
            '($customer.plan == "enterprise" AND $ticket.is_vip == true)',
            ["SET_TICKET_PRIORITY"],
        ),
    ),
    (
        "Restart the service if status is failed unless maintenance is on",
        (
            "ON_METRIC_UPDATE",
            '($status == "failed") AND NOT ($flags.maintenance == true)',
            ["RESTART_SERVICE"],
        ),
    ),
    (
        "When cpu is between 20 and 40, scale down",
        ("ON_METRIC_UPDATE", "($metrics.cpu BETWEEN 20 TO 40)", ["SCALE_DOWN"]),
    ),
    (
        "notify ops when response time exceeds 2 seconds",
        ("ON_METRIC_UPDATE", "($metrics.latency_ms > 2000)", ["NOTIFY"]),
    ),
    (
        "Notify ops if cpu > 90 or memory percent >= 95%",
        ("ON_METRIC_UPDATE", "($metrics.cpu > 90 OR $metrics.memory_percent >= 95)", ["NOTIFY"]),
    ),
]


@pytest.mark.parametrize(("sentence", "expected"), UNDERSTOOD, ids=[each[0] for each in UNDERSTOOD])
def test_common_sentence_becomes_the_rule_it_means(sentence: str, expected: tuple[str, str, list[str]]):
    said, rule = rule_of(sentence)

    assert (said["trigger"], rule["condition"], [call["action"] for call in rule["then"]]) == expected


TIMES = [
    ("Every day at 9 back up the database", "ON_SCHEDULE", {"at": "09:00"}),
    ("Back up the database daily at 11:30 pm", "ON_SCHEDULE", {"at": "23:30"}),
    (
        "Every monday and friday at noon back up the database",
        "ON_SCHEDULE",
        {"at": "12:00", "weekdays": ["monday", "friday"]},
    ),
    (
        "On the 1st of each month at 8am back up the database",
        "ON_SCHEDULE",
        {"at": "08:00", "day_of_month": 1},
    ),
    ("Back up the database every 2 hours", "EVERY_INTERVAL", {"every_minutes": 120}),
    ("every 15 minutes, if queue depth is over 1000, scale up", "EVERY_INTERVAL", {"every_minutes": 15}),
    ("Alert ops when cpu is above 80% for 5 minutes", "ON_METRIC_UPDATE", {"for_minutes": 5}),
    ("Alert ops if cpu stays above 80% for at least 2 hours", "ON_METRIC_UPDATE", {"for_minutes": 120}),
]


@pytest.mark.parametrize(("sentence", "trigger", "params"), TIMES, ids=[each[0] for each in TIMES])
def test_times_become_the_triggers_parameters(sentence: str, trigger: str, params: dict[str, Any]):
    said, _ = rule_of(sentence)

    assert (said["trigger"], said["trigger_params"]) == (trigger, params)


PARAMS = [
    (
        'send a slack message to #ops saying "Cache is cold" when cpu is over 80',
        {"channel": "#ops", "message": "Cache is cold"},
    ),
    (
        'Create a ticket titled "Disk full" with priority high when disk use is at least 95%',
        {"title": "Disk full", "priority": "high"},
    ),
    ("every 15 minutes, if queue depth is over 1000, scale up by 2 instances", {"instances": 2}),
    ("If stock level falls below 5, reorder stock with quantity 50", {"quantity": 50}),
    (
        'Every day at 9 send an email to sales@example.com saying "Good morning"',
        {"to": "sales@example.com", "message": "Good morning"},
    ),
]


@pytest.mark.parametrize(("sentence", "params"), PARAMS, ids=[each[0] for each in PARAMS])
def test_parameters_are_taken_from_the_sentence(sentence: str, params: dict[str, Any]):
    _, rule = rule_of(sentence)

    assert rule["then"][0]["params"] == params


def test_documented_example_names_nobody_so_the_team_is_told():
    made = write_by_template("Alert when CPU > 80%", CATALOGUE)

    (rule,) = made.said["rules"]
    assert rule["condition"] == "($metrics.cpu > 80)"
    assert rule["then"][0]["params"]["to"] == "team"
    assert "names nobody" in made.notes[-1]


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("", "1 to 500"),
        ("Alert team", "neither a time nor a condition"),
        ("alert team when the flux capacitor exceeds 88", "which fact"),
        ("Make me a sandwich when cpu is above 80", "no action"),
        ("When a deployment happens, run the tests", "no action"),
        ("Assign the ticket if cpu > 85", "needs assignee"),
        ("Alert ops when status is flying", "never"),
        ("Alert ops when cpu is above many", "no number"),
        ("Alert ops when latency is above 5 GB", "measured in ms"),
        ("Alert ops when cpu is above 80 for 90 seconds", "whole minutes"),
        ("Every day at 29:00 back up the database", "no time"),
        ("Notify ops when free disk space is below 10 GB for 5 minutes every day at 9", "takes"),
    ],
)
def test_what_has_no_place_is_refused_with_the_reason(sentence: str, why: str):
    with pytest.raises(NotUnderstood, match=why):
        write_by_template(sentence, CATALOGUE)


_SAID = """
alert notify send email the team ops when if unless and or then every day at 9 for 5 minutes cpu memory is
above
below 80% > 85 status running between 1 to saying "hi" #ops , $metrics.cpu not ( )
"""
_WORDS = st.sampled_from(_SAID.split())


def mistakes_in(sentence: str) -> object:
    """What the check finds wrong with the rule that is made, if one is made."""
    try:
        made = write_by_template(sentence, CATALOGUE)
    except NotUnderstood:
        return ()
    return check_workflow(made.said, CATALOGUE).problems


@given(st.lists(_WORDS, max_size=14).map(" ".join))
def test_whatever_is_made_passes_the_check(sentence: str):
    assert mistakes_in(sentence) == ()


@given(st.text(max_size=80))
def test_no_text_is_too_odd(sentence: str):
    assert mistakes_in(sentence) == ()
