"""Rules tried on facts, at their boundaries, on history, and against each other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.rules.boundaries import space_of
from officium.apps.rules.capabilities import CapabilityService
from officium.apps.rules.catalogue import read_catalogue
from officium.apps.rules.conditions import compile_condition, parse_condition
from officium.apps.rules.difference import difference
from officium.apps.rules.errors import InvalidHistory, InvalidRule
from officium.apps.rules.examples import examples
from officium.apps.rules.firing import dry_run, ready
from officium.apps.rules.history import Skipped, moment_of, read_history
from officium.apps.rules.replay import replay
from officium.apps.rules.rule import WorkflowRules, workflow_from
from officium.apps.rules.rule_set import Finding, check_set
from officium.apps.rules.rule_test import checked_tests, run_tests
from officium.apps.rules.trials import RuleTrials
from officium.apps.rules.untouched import keep_untouched
from officium.kit.clock import SystemClock
from officium.kit.notices import LocalNotices
from tests.support.gateway import CALLER
from tests.support.rules import NoCatalogues, example_catalogue

CATALOGUE = example_catalogue()


def notify(to: str = "ops") -> dict[str, Any]:
    return {"action": "NOTIFY", "params": {"to": to, "message": "Look"}}


def a_rule(name: str, condition: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "condition": condition, "then": list(calls) or [notify()]}


def a_workflow(*rules: dict[str, Any], trigger: str = "ON_METRIC_UPDATE", **fields: Any) -> WorkflowRules:
    return workflow_from({"workflow_name": "w", "trigger": trigger, "rules": list(rules), **fields})


def of(condition: str) -> dict[str, Any]:
    return examples(a_workflow(a_rule("r", condition)), CATALOGUE)[0]


def test_dry_run_says_what_would_be_done_and_why():
    workflow = a_workflow(
        a_rule("hot", "$metrics.cpu > 80"),
        a_rule("cold", "$metrics.cpu < 10"),
        a_rule("full", "$metrics.disk_percent > 90"),
    )

    said = dry_run(workflow, {"metrics": {"cpu": 91}})

    assert said["actions"] == [notify()]
    assert [(rule["fires"], rule["result"], rule["missing"]) for rule in said["rules"]] == [
        (True, True, []),
        (False, False, []),
        (False, None, ["metrics.disk_percent"]),
    ]
    assert "91" in said["rules"][0]["explanation"]["sentence"]


def test_smallest_examples_stand_at_the_boundary():
    said = of("$metrics.cpu > 80 AND $status == running")

    assert said["fires"] == {"metrics": {"cpu": 80.1}, "status": "running"}
    assert said["just_does_not"] == {"metrics": {"cpu": 80}, "status": "running"}
    assert said["differs_in"] == "metrics.cpu"
    assert said["lacks_data"] == {"status": "running"}
    assert said["missing"] == ["metrics.cpu"]
    assert said["is_exhaustive"]


def test_what_does_not_matter_is_left_out_of_an_example():
    said = of("$metrics.cpu > 80 OR $status == stopped")

    assert len(said["fires"]) == 1


@pytest.mark.parametrize(
    ("condition", "always", "never"),
    [
        ("$metrics.cpu > 80 AND $metrics.cpu < 70", False, True),
        ("$metrics.cpu > 85 AND $metrics.cpu < 86", False, False),
        ("$incident.severity > 2 AND $incident.severity < 3", False, True),
        ("$metrics.cpu >= 0", True, False),
        ("$status == running AND $status == stopped", False, True),
        ("$status IN [running, stopped, degraded, failed, starting]", True, False),
        ("$flags.maintenance == true OR $flags.maintenance == false", True, False),
        ("$metrics.cpu > 100", False, True),
    ],
)
def test_what_can_never_or_always_fire_is_proved(condition: str, always: bool, never: bool):
    said = of(condition)

    assert (said["always"], said["never"]) == (always, never)


def test_nothing_is_claimed_where_the_search_is_no_proof():
    said = of("$metrics.cpu + $metrics.db_cpu > 150")

    assert not said["is_exhaustive"]
    assert not said["always"]
    assert not said["never"]


_PATHS = st.sampled_from(["$metrics.cpu", "$metrics.errors", "$status", "$flags.maintenance"])


@st.composite
def conditions(draw: st.DrawFn) -> str:
    def atom() -> str:
        path = draw(_PATHS)
        if path == "$status":
            return (
                f"{path} {draw(st.sampled_from(['==', '!=']))} {draw(st.sampled_from(['running', 'failed']))}"
            )
        if path == "$flags.maintenance":
            return f"{path} == {draw(st.sampled_from(['true', 'false']))}"
        operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
        return f"{path} {operator} {draw(st.integers(0, 100))}"

    atoms = [f"{draw(st.sampled_from(['', 'NOT ']))}({atom()})" for _ in range(draw(st.integers(1, 4)))]
    text = atoms[0]
    for each in atoms[1:]:
        text = f"({text}) {draw(st.sampled_from(['AND', 'OR']))} {each}"
    return text


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "metrics": {
            "cpu": draw(st.one_of(st.integers(0, 100), st.floats(0, 100))),
            "errors": draw(st.integers(0, 200)),
        },
        "status": draw(st.sampled_from(["running", "failed", "stopped"])),
        "flags": {"maintenance": draw(st.booleans())},
    }


@given(conditions(), facts())
def test_points_stand_for_all_facts(text: str, given_facts: dict[str, Any]):
    condition = parse_condition(text)
    compiled = compile_condition(condition)
    space = space_of([condition], CATALOGUE)

    results = {compiled.evaluate(space.facts(point)).result for point in space.points()}

    assert space.is_exhaustive
    assert compiled.evaluate(given_facts).result in results


def test_difference_shows_the_facts_on_which_something_else_is_done():
    before = a_workflow(a_rule("hot", "$metrics.cpu > 80"), a_rule("down", "$status == stopped"))
    after = a_workflow(a_rule("hot", "$metrics.cpu > 90"), a_rule("down", '($status == "stopped")'))

    said = difference(before, after, CATALOGUE)

    assert not said["same_behaviour"]
    assert said["is_exhaustive"]
    assert said["rules"] == {"untouched": ["down"], "changed": ["hot"], "added": [], "removed": []}
    for change in said["changes"]:
        assert 80 < change["facts"]["metrics"]["cpu"] <= 90
        assert len(change["before"]["actions"]) == len(change["after"]["actions"]) + 1


def test_same_behaviour_in_other_words_is_the_same():
    before = a_workflow(a_rule("hot", "NOT ($metrics.cpu <= 80)"))
    after = a_workflow(a_rule("hot", "$metrics.cpu > 80"))

    said = difference(before, after, CATALOGUE)

    assert (said["same_behaviour"], said["changes"]) == (True, [])


def test_another_trigger_is_another_behaviour():
    before = a_workflow(a_rule("hot", "$metrics.cpu > 80"))
    after = a_workflow(a_rule("hot", "$metrics.cpu > 80"), trigger="ON_DEPLOYMENT")

    said = difference(before, after, CATALOGUE)

    assert not said["same_behaviour"]
    assert said["trigger"]["after"]["trigger"] == "ON_DEPLOYMENT"


@given(conditions(), conditions(), facts())
def test_difference_is_found_wherever_there_is_one(old: str, new: str, given_facts: dict[str, Any]):
    before, after = a_workflow(a_rule("r", old)), a_workflow(a_rule("r", new))

    said = difference(before, after, CATALOGUE)

    differs = ready(before)[0].fires(given_facts) != ready(after)[0].fires(given_facts)
    assert not (differs and said["same_behaviour"])
    for change in said["changes"]:
        found = change["facts"]
        assert ready(before)[0].fires(found) != ready(after)[0].fires(found)


def test_rule_that_was_only_written_differently_comes_back_as_it_was():
    before = {"rules": [a_rule("a", "($metrics.cpu  >  80)"), a_rule("b", "true")]}
    after = {"rules": [a_rule("a", "$metrics.cpu > 80"), a_rule("b", "true", notify("others"))]}

    kept = keep_untouched(before, after)

    assert kept["rules"][0] is before["rules"][0]
    assert kept["rules"][1] is after["rules"][1]


def found(*workflows: WorkflowRules) -> list[Finding]:
    return check_set([(f"w{number}", each) for number, each in enumerate(workflows, 1)], CATALOGUE)


def codes(*workflows: WorkflowRules) -> list[str]:
    return [finding.code for finding in found(*workflows)]


def call(action: str, **params: Any) -> dict[str, Any]:
    return {"action": action, "params": params}


def test_rules_that_undo_each_other_on_the_same_facts_conflict():
    up = a_workflow(a_rule("up", "$metrics.cpu > 70", call("SCALE_UP", service="api")))
    down = a_workflow(a_rule("down", "$metrics.cpu < 75", call("SCALE_DOWN", service="api")))
    elsewhere = a_workflow(a_rule("down", "$metrics.cpu < 75", call("SCALE_DOWN", service="web")))
    apart = a_workflow(a_rule("down", "$metrics.cpu < 70", call("SCALE_DOWN", service="api")))

    (conflict,) = found(up, down)

    assert conflict.code == "conflict"
    assert conflict.facts is not None
    assert 70 < conflict.facts["metrics"]["cpu"] < 75
    assert "conflict" not in codes(up, elsewhere)
    assert "conflict" not in codes(up, apart)


def test_one_value_written_in_two_ways_conflicts():
    first = a_workflow(
        a_rule("a", "$ticket.is_vip == true", call("SET_TICKET_PRIORITY", priority="urgent")),
        trigger="ON_TICKET_CREATED",
    )
    second = a_workflow(
        a_rule("b", "$ticket.age_hours > 1", call("SET_TICKET_PRIORITY", priority="low")),
        trigger="ON_TICKET_CREATED",
    )

    assert codes(first, second) == ["conflict"]


def test_rule_in_the_shadow_of_another_is_found_and_so_is_a_duplicate():
    wide, narrow = a_rule("wide", "$metrics.cpu > 80"), a_rule("narrow", "$metrics.cpu > 90")
    again = a_rule("again", "NOT ($metrics.cpu <= 80)")

    (shadowed,) = found(a_workflow(wide, narrow))

    assert (shadowed.code, shadowed.rules) == ("shadowed", ["w1/narrow", "w1/wide"])
    assert codes(a_workflow(wide, again)) == ["duplicate"]


def test_gap_between_rules_is_found_down_to_a_single_value():
    low = a_rule("low", "$metrics.cpu < 20", call("SCALE_DOWN"))
    high = a_rule("high", "$metrics.cpu > 80", call("SCALE_UP"))
    touching = a_rule("high", "$metrics.cpu > 20", call("SCALE_UP"))
    joined = a_rule("high", "$metrics.cpu >= 20", call("SCALE_UP"))

    assert "20 to 80" in found(a_workflow(low, high))[0].message
    assert "is 20," in found(a_workflow(low, touching))[0].message
    assert codes(a_workflow(low, joined)) == []


def test_workflows_that_set_each_other_off_are_a_loop():
    one = a_workflow(a_rule("a", "true", call("CREATE_TICKET", title="x")), trigger="ON_INCIDENT_OPENED")
    other = a_workflow(a_rule("b", "true", call("OPEN_INCIDENT", title="x")), trigger="ON_TICKET_CREATED")

    (loop,) = [finding for finding in found(one, other) if finding.code == "loop"]

    assert set(loop.rules) == {"w1", "w2"}
    assert [finding for finding in found(one) if finding.code == "loop"] == []


def test_rule_that_can_never_fire_is_found():
    assert codes(a_workflow(a_rule("a", "$metrics.cpu > 80 AND $metrics.cpu < 70"))) == ["never_fires"]


def test_tests_that_travel_with_a_rule_pass_or_say_what_was_done():
    workflow = a_workflow(a_rule("hot", "$metrics.cpu > 80"))
    tests = checked_tests(
        [
            {"name": "hot", "given": {"metrics": {"cpu": 90}}, "then": ["NOTIFY"]},
            {"given": {"metrics": {"cpu": 80}}, "then": []},
            {"given": {"metrics": {"cpu": 90}}, "then": [notify("others")]},
            {"given": {}, "then": ["NOTIFY"]},
        ]
    )

    outcomes = run_tests(workflow, tests)

    assert [outcome.passed for outcome in outcomes] == [True, True, False, False]
    assert outcomes[3].message == "It did nothing, not NOTIFY."


@pytest.mark.parametrize(
    "said", [[{}], [{"given": {}}], [{"given": 1, "then": []}], [{"given": {}, "then": [1]}], [{}] * 200]
)
def test_tests_have_a_shape(said: list[Any]):
    with pytest.raises(InvalidRule):
        checked_tests(said)


def replayed(
    content: bytes, kind: Any = "jsonl", condition: str = "$metrics.cpu > 80", **how: Any
) -> tuple[dict[str, Any], Skipped]:
    carries = how.pop("carries_forward", False)
    workflow, skipped = a_workflow(a_rule("hot", condition), **how), Skipped()
    events = read_history(content, kind, CATALOGUE, skipped)
    return replay(workflow, CATALOGUE, events, carries_forward=carries), skipped


def lines(*events: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


def minute(number: int, cpu: float) -> dict[str, Any]:
    return {"at": f"2026-11-20T10:{number:02}:00Z", "metrics": {"cpu": cpu}}


def test_replay_says_when_and_how_often():
    said, _ = replayed(lines(minute(0, 90), minute(1, 10), minute(2, 95), minute(3, 96), {"at": 1, "x": 2}))

    (rule,) = said["rules"]
    assert (rule["fires"], rule["episodes"], rule["silent"], rule["unknown"]) == (3, 2, 1, 1)
    assert (rule["first_at"], rule["last_at"]) == ("2026-11-20T10:00:00Z", "2026-11-20T10:03:00Z")
    assert rule["missing"] == {"metrics.cpu": 1}
    assert [firing["row"] for firing in rule["firings"]] == [1, 3, 4]
    assert sum(bucket["fires"] for bucket in rule["chart"]) == 3


def test_trigger_that_waits_fires_once_when_it_has_held_so_long():
    hot = [minute(number, 90) for number in range(8)]
    again = [minute(20, 10), *(minute(number, 90) for number in range(21, 24))]

    said, _ = replayed(lines(*hot, *again), trigger_params={"for_minutes": 5})

    (rule,) = said["rules"]
    assert (rule["fires"], rule["held"], rule["episodes"]) == (1, 11, 2)
    assert rule["first_at"] == "2026-11-20T10:05:00Z"
    assert rule["longest_minutes"] == 7.0


def test_table_is_read_by_the_types_of_the_catalogue():
    table = (
        b"at,metrics.cpu,status,flags.maintenance\n"
        b"2026-11-20,90,running,false\n,abc,running,true\n1,,stopped,\n"
    )

    said, skipped = replayed(table, "csv", "$metrics.cpu > 80 AND $flags.maintenance == false")

    assert (said["events"], said["rules"][0]["fires"]) == (2, 1)
    assert skipped.rows == [{"row": 3, "problem": "'abc' does not fit metrics.cpu"}]


def test_facts_may_be_told_one_at_a_time():
    content = lines({"metrics": {"cpu": 90}}, {"status": "running"}, {"metrics": {"cpu": 10}})

    alone, _ = replayed(content, condition="$metrics.cpu > 80 AND $status == running")
    carried, _ = replayed(content, condition="$metrics.cpu > 80 AND $status == running", carries_forward=True)

    assert (alone["rules"][0]["fires"], carried["rules"][0]["fires"]) == (0, 1)


def test_events_of_other_triggers_are_passed_over():
    content = lines(
        {"event": "ON_DEPLOYMENT", "metrics": {"cpu": 90}},
        {"trigger": "ON_METRIC_UPDATE", "facts": {"metrics": {"cpu": 90}}},
    )

    said, _ = replayed(content)

    assert (said["events"], said["passed_over"], said["rules"][0]["fires"]) == (1, 1, 1)


def test_rows_that_cannot_be_read_are_told():
    said, skipped = replayed(b'{"metrics": {"cpu": 90}}\nnonsense\n[1]\n\n')

    assert said["events"] == 1
    assert [row["row"] for row in skipped.rows] == [2, 3]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-11-20T00:00:00Z", 1795132800.0),
        ("2026-11-20", 1795132800.0),
        (1795132800, 1795132800.0),
        (1795132800000, 1795132800.0),
        ("1795132800", 1795132800.0),
        ("yesterday", None),
        (True, None),
        (None, None),
    ],
)
def test_moments_are_read_in_the_forms_in_which_they_come(said: object, expected: float | None):
    assert moment_of(said) == expected


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "csv"]))
def test_no_history_is_too_odd(content: bytes, kind: Any):
    def read() -> object:
        try:
            return replayed(content, kind)[0]["events"]
        except InvalidHistory:
            return 0

    assert isinstance(read(), int)


def test_replay_that_is_stopped_says_so():
    workflow = a_workflow(a_rule("hot", "$metrics.cpu > 80"))
    events = read_history(b'{"metrics": {"cpu": 90}}\n' * 3000, "jsonl", CATALOGUE, Skipped())

    said = replay(workflow, CATALOGUE, events, is_stopped=lambda: True)

    assert (said["stopped"], said["events"]) == (True, 1000)


def test_search_over_very_many_paths_has_an_end():
    paths = [f"x{number}" for number in range(300)]
    catalogue = read_catalogue({"condition_types": [{"path": path, "type": "number"} for path in paths]})
    condition = parse_condition(" OR ".join(f"${path} > 1" for path in paths))

    space = space_of([condition], catalogue)

    assert not space.is_exhaustive
    assert sum(1 for _ in space.points()) < 1_000


async def test_trials_refuse_what_is_no_rule_and_what_is_no_history():
    trials = RuleTrials(CapabilityService(NoCatalogues(), SystemClock(), LocalNotices()), NoCatalogues())
    workflow = {
        "workflow_name": "w",
        "trigger": "ON_METRIC_UPDATE",
        "rules": [a_rule("r", "$metrics.cpu > 1")],
    }

    with pytest.raises(InvalidRule):
        await trials.dry_run(CALLER, {**workflow, "trigger": "NO"}, {})
    with pytest.raises(InvalidHistory) as raised:
        await trials.replay(CALLER, workflow, b"nonsense", "jsonl")
    with pytest.raises(InvalidHistory):
        await trials.replay(CALLER, workflow, b" " * (20 * 1024 * 1024 + 1), "jsonl")

    assert raised.value.fields["rows"] == [{"row": 1, "problem": "this is no JSON"}]
