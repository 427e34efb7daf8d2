"""The condition language, measured: how fast beside its rivals, the same as CEL, and safe with any text.

.venv/bin/python -m bench.conditions speed          # needs: .tools/bin/uv sync --locked --group bench
.venv/bin/python -m bench.conditions differential --count 100000
.venv/bin/python -m bench.conditions fuzz --count 1000000
"""

import argparse
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from officium.apps.rules.conditions import (
    ConditionSyntaxError,
    PathType,
    check_condition,
    compile_condition,
    explain_condition,
    format_condition,
    parse_condition,
    to_cel,
)

FACTS: dict[str, Any] = {
    "metrics": {"cpu": 85.5, "memory": 91, "latency_ms": 120},
    "status": "running",
    "env": "prod",
    "tags": ["db", "eu-west"],
    "user": {"role": "admin", "age": 41},
}
SCORE = "$metrics.cpu * 0.6 + $metrics.memory * 0.4 > 85"
CASES = {
    "two comparisons": "$metrics.cpu > 80 AND $status == running",
    "lists and strings": "$env IN [prod, staging] AND $tags CONTAINS db AND $status STARTS_WITH run",
    "arithmetic": SCORE,
    "a path is missing": "$metrics.cpu > 80 AND $metrics.disk > 90",
    "eight comparisons": (
        "($metrics.cpu > 90 OR $metrics.memory > 90) AND $status == running"
        " AND ($env == prod OR $env == staging) AND $user.role == admin"
        " AND NOT ($user.age < 18 OR $metrics.latency_ms > 1000)"
    ),
}
_PYTHON = {
    "two comparisons": "metrics['cpu'] > 80 and status == 'running'",
    "lists and strings": "env in ['prod', 'staging'] and 'db' in tags and status[:3] == 'run'",
    "arithmetic": "metrics['cpu'] * 0.6 + metrics['memory'] * 0.4 > 85",
    "eight comparisons": (
        "(metrics['cpu'] > 90 or metrics['memory'] > 90) and status == 'running'"
        " and (env == 'prod' or env == 'staging') and user['role'] == 'admin'"
        " and not (user['age'] < 18 or metrics['latency_ms'] > 1000)"
    ),
}
_ZEN = {
    "two comparisons": "metrics.cpu > 80 and status == 'running'",
    "lists and strings": "env in ['prod', 'staging'] and 'db' in tags and startsWith(status, 'run')",
    "arithmetic": "metrics.cpu * 0.6 + metrics.memory * 0.4 > 85",
    "eight comparisons": (
        "(metrics.cpu > 90 or metrics.memory > 90) and status == 'running'"
        " and (env == 'prod' or env == 'staging') and user.role == 'admin'"
        " and not (user.age < 18 or metrics.latency_ms > 1000)"
    ),
}
_ROUNDS = 3
_ROUND_S = 0.2

Compile = Callable[[str], Callable[[], object]]
"""Makes a condition's text into a function that answers it over FACTS."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed")
    for name, count in (("differential", 100_000), ("fuzz", 1_000_000)):
        command = commands.add_parser(name)
        command.add_argument("--count", type=int, default=count)
        command.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    match asked.command:
        case "speed":
            print_speed()
        case "differential":
            print_differential(asked.count, asked.seed)
        case _:
            print_fuzz(asked.count, asked.seed)


def print_speed() -> None:
    """A table: evaluations and compilations a second, of each engine on each condition."""
    engines = [
        ("Officium", CASES, _officium),
        (f"cel-expr-python {version('cel-expr-python')}", _in_cel(), _cel()),
        (f"zen-engine {version('zen-engine')}", _ZEN, _zen()),
        (f"rule-engine {version('rule-engine')}", _PYTHON, _rule_engine()),
        (f"simpleeval {version('simpleeval')}", _PYTHON, _simpleeval()),
    ]
    for title, measure in (("evaluations/s", _evaluations), ("compilations/s", _compilations)):
        print(f"| {title} | {' | '.join(CASES)} |\n|{' --- |' * (len(CASES) + 1)}")
        for name, texts, engine in engines:
            figures = [f"{measure(engine, texts[case]):,.0f}" if case in texts else "-" for case in CASES]
            print(f"| {name} | {' | '.join(figures)} |", flush=True)
        print()
    print(f"Lark with the same grammar, reading alone: {_lark(CASES['two comparisons']):,.0f} a second")


def _evaluations(compile_text: Compile, text: str) -> float:
    return _per_second(compile_text(text))


def _compilations(compile_text: Compile, text: str) -> float:
    return _per_second(lambda: compile_text(text))


def _per_second(act: Callable[[], object]) -> float:
    """How often a second of processor time is enough for `act`: the best of a few rounds."""
    act()
    best = 0.0
    for _ in range(_ROUNDS):
        done, batch, started = 0, 1, time.process_time()
        while (spent := time.process_time() - started) < _ROUND_S:
            for _ in range(batch):
                act()
            done += batch
            batch = min(batch * 2, 5_000)
        best = max(best, done / spent)
    return best


def _officium(text: str) -> Callable[[], object]:
    evaluate = compile_condition(parse_condition(text)).evaluate
    return lambda: evaluate(FACTS)


def _in_cel() -> dict[str, str]:
    return {case: to_cel(parse_condition(text)) for case, text in CASES.items() if case != "arithmetic"} | {
        "arithmetic": "metrics.cpu * 0.6 + double(metrics.memory) * 0.4 > 85.0"
    }


def _cel() -> Compile:
    from cel_expr_python import cel

    environment = cel.NewEnv(variables=dict.fromkeys(FACTS, cel.Type.DYN))

    def compile_text(text: str) -> Callable[[], object]:
        program = environment.compile(text)
        return lambda: program.eval(data=FACTS)

    return compile_text


def _zen() -> Compile:
    import zen

    def compile_text(text: str) -> Callable[[], object]:
        expression = zen.compile_expression(text)
        return lambda: expression.evaluate(FACTS)

    return compile_text


def _rule_engine() -> Compile:
    import rule_engine

    def compile_text(text: str) -> Callable[[], object]:
        rule = rule_engine.Rule(text)
        return lambda: rule.matches(FACTS)

    return compile_text


def _simpleeval() -> Compile:
    import simpleeval

    def compile_text(text: str) -> Callable[[], object]:
        evaluator = simpleeval.EvalWithCompoundTypes(names=FACTS)
        tree = evaluator.parse(text)
        return lambda: evaluator.eval(text, previously_parsed=tree)

    return compile_text


_GRAMMAR = r"""
?start: conjunction ("OR"i conjunction)*
?conjunction: negation ("AND"i negation)*
?negation: "NOT"i negation | comparison
?comparison: sum (OPERATOR sum)?
?sum: product (SIGN product)*
?product: value (FACTOR value)*
?value: SIGN value | PATH | NUMBER | STRING | WORD | "(" start ")" | "[" [sum ("," sum)*] "]"
OPERATOR.2: /==|!=|<=|>=|<>|=|<|>|(in|contains|starts_with|ends_with|matches)\b/i
SIGN: /[+-]/
FACTOR: /[*\/%]/
PATH: /\$[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[\d+\])*/
NUMBER: /\d+(\.\d+)?([eE][+-]?\d+)?/
STRING: /"(?:[^"\\]|\\.)*"/
WORD: /[A-Za-z_]\w*(-\w+)*/
%ignore /\s+/
"""


def _lark(text: str) -> float:
    from lark import Lark

    parser = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)
    return _per_second(lambda: parser.parse(text))


def print_differential(count: int, seed: int) -> None:
    """Random conditions, answered by us and by CEL."""
    from tests.support.cel_oracle import compare

    started = time.perf_counter()
    outcome = compare(count, seed)
    print(f"{outcome.compared:,} conditions in {time.perf_counter() - started:.0f} s, seed {seed}")
    print(f"answers: {dict(outcome.answers)}")
    print(f"explained differences: {dict(outcome.explained)}")
    print(f"unexplained differences: {len(outcome.unexplained)}")
    for difference in outcome.unexplained[:10]:
        print(f"  {difference}")
    sys.exit(1 if outcome.unexplained else 0)


def print_fuzz(count: int, seed: int) -> None:
    """Texts of every kind: read, checked, evaluated, written again. Nothing may crash or take long.

    A text that took long is timed a few times more, and the least counts: the machine has other work, and a
    collection of garbage may fall on any text.
    """
    gc.freeze()
    slowest: list[tuple[float, int, str]] = []
    outcomes: Counter[str] = Counter()
    crashes: list[str] = []
    started = time.perf_counter()
    for text in _texts(count, random.Random(seed)):
        before = time.thread_time()
        try:
            outcomes[_carried_through(text)] += 1
        except Exception as error:
            crashes.append(f"{type(error).__name__}: {error}: {text[:200]!r}")
            continue
        spent_ms = (time.thread_time() - before) * 1_000
        if spent_ms > _WORTH_ANOTHER_LOOK_MS:
            spent_ms = min(spent_ms, *(_timed_ms(text) for _ in range(_LOOKS)))
        if len(slowest) < 5 or spent_ms > slowest[-1][0]:
            slowest = sorted([*slowest, (spent_ms, len(text), text[:60])], reverse=True)[:5]
    print(f"{count:,} texts in {time.perf_counter() - started:.0f} s, seed {seed}: {dict(outcomes)}")
    print(f"crashes: {len(crashes)}")
    for crash in crashes[:10]:
        print(f"  {crash}")
    print("slowest, ms of processor time from text to answer and back to text:")
    for spent_ms, length, text in slowest:
        print(f"  {spent_ms:.1f}  {length:,} characters  {text!r}")
    sys.exit(1 if crashes or slowest[0][0] > _LONGEST_MS else 0)


def _timed_ms(text: str) -> float:
    before = time.thread_time()
    _carried_through(text)
    return (time.thread_time() - before) * 1_000


_WORTH_ANOTHER_LOOK_MS = 25
_LOOKS = 3
_LONGEST_MS = 50
_TYPES = {
    "metrics.cpu": PathType("number", unit="%"),
    "status": PathType("string", values=("running", "stopped")),
    "tags": PathType("list", PathType("string")),
    **{f"metrics.name_{at}": PathType("number") for at in range(100)},
}
_EMPTY: dict[str, object] = {}


def _carried_through(text: str) -> str:
    """All that happens to a condition. Raises AssertionError where it contradicts itself."""
    try:
        condition = parse_condition(text)
    except ConditionSyntaxError as error:
        if not 0 <= error.position <= len(text):
            raise AssertionError(f"the position {error.position} is not in the text") from error
        return "refused"
    check_condition(condition, _TYPES)
    compiled = compile_condition(condition)
    verdict = compiled.evaluate(FACTS)
    compiled.evaluate(_EMPTY)
    if len(text) < 200:
        assert explain_condition(condition, FACTS).verdict == verdict
    assert parse_condition(format_condition(condition)) == condition
    if verdict.fault is not None:
        return f"fault: {verdict.fault.code}"
    return str(verdict.result)


_PIECES = (
    *(
        "$metrics.cpu",
        "$status",
        "$tags",
        "$a",
        '$["b c"]',
        "$items[1].price",
        "$metrics.cpuu",
        "$",
        "$.",
        "$a.",
    ),
    *("80", "-1", "0", "1e3", "1e308", "85.5", "1e999", "007", "10ms", "2026-11-21", "9" * 40),
    *("running", "eu-west", '"x y"', "'q'", '"\\u202e"', '"\\', '"', "Zoë", "true", "FALSE", "null", "XOR"),
    *("AND", "or", "NOT", "&&", "||", "!", "==", "=", "!=", "<>", "<", "<=", ">", ">=", "=>", "==="),
    *("IN", "CONTAINS", "STARTS_WITH", "ENDSWITH", "MATCHES", "BETWEEN", "TO", "IS", "IS NULL", "NOT IN"),
    *("+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", ";", "{", "}", "  ", "\n", "\0", "\u2028"),
    *('MATCHES "(a+)+$"', 'MATCHES "(x{100}){100}"', "MATCHES '['", "IN [running, paused]", "BETWEEN 1 TO 2"),
)
_CHARACTERS = "$ab.[]()<>=!&|+-*/%,\"'\\ \n01279eE_{}~ÿ\u0130\u202e\ud800\U0001f600"
_DENSE = (
    "1+",
    "-",
    "!",
    "(",
    "[",
    "NOT ",
    "$a=1 OR ",
    "$a=1&&",
    "1*",
    "[1,",
    "(1)+",
    "$b.c.d<",
    "a IN",
    '"\\u0041"',
    "$x>$y AND ",
)


def _texts(count: int, dice: random.Random) -> Iterator[str]:
    """Valid conditions, damaged ones, soups of tokens and of characters, and texts that fill every limit."""
    shared = Path(__file__).resolve().parents[1].parent / "shared" / "rules" / "conditions.json"
    known = (
        [case["expr"] for case in json.loads(shared.read_text("utf-8"))["cases"]] if shared.is_file() else []
    )
    known += CASES.values()
    for _ in range(count):
        kind = dice.random()
        if kind < 0.35:
            yield " ".join(dice.choices(_PIECES, k=dice.randint(1, 12)))
        elif kind < 0.5:
            yield "".join(dice.choices(_PIECES, k=dice.randint(1, 12)))
        elif kind < 0.75:
            yield _damaged(dice.choice(known), dice)
        elif kind < 0.9:
            yield _sensible(dice)
        elif kind < 0.999:
            yield "".join(dice.choices(_CHARACTERS, k=dice.randint(1, 40)))
        else:
            yield _filling(dice)


def _damaged(text: str, dice: random.Random) -> str:
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(text) + 1)
        to = min(len(text), at + dice.randrange(4))
        middle = dice.choice(("", text[at:to] * 2, dice.choice(_PIECES), dice.choice(_CHARACTERS)))
        text = text[:at] + middle + text[to:]
    return text


def _sensible(dice: random.Random) -> str:
    parts = []
    for _ in range(dice.randint(1, 5)):
        left, right = dice.choice(_PIECES[:6]), dice.choice(_PIECES[10:24])
        operator = dice.choice(("==", "!=", "<", "<=", ">", ">=", "IN", "CONTAINS", "STARTS_WITH"))
        parts.append(dice.choice(("", "NOT ")) + f"{left} {operator} {right}")
        parts.append(dice.choice((" AND ", " OR ")))
    return "".join(parts[:-1])


def _filling(dice: random.Random) -> str:
    """As many characters as may be, of few pieces: the worst there is."""
    pieces = dice.choices(_DENSE, k=dice.randint(1, 2))
    text = "".join(pieces) * (4_096 // sum(map(len, pieces)))
    tail = dice.choice(("", "1", "$a", "$a == 1", "1 == 1", "]", ")" * 60))
    return dice.choice(
        (text[: 4_096 - len(tail)] + tail, "$a == " + text[: 4_085 - len(tail)] + tail, text + "x" * 10)
    )


if __name__ == "__main__":
    main()
