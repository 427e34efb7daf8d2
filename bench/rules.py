"""How rules hold against a model's answers, and how fast they are replayed: `python -m bench.rules`.

The instructions of Flow-Bench (100 of 101: one uses what its catalogue lacks) are generated or refined with
a model that plays a script: the reference, and the reference damaged in every way of
`tests/support/rule_answers.py`, once and for good. Whatever comes back is checked again, by the catalogue.
Then a history of a million events is replayed.
"""

import argparse
import asyncio
import json
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema_rs
import structlog

from officium.apps.rules import CapabilityService, Generator, RuleService
from officium.apps.rules.catalogue import Catalogue, read_catalogue
from officium.apps.rules.check import check_workflow
from officium.apps.rules.errors import RuleNotGenerated
from officium.apps.rules.history import Skipped, read_history
from officium.apps.rules.relevance import ranked
from officium.apps.rules.replay import replay
from officium.apps.rules.rule import workflow_from
from officium.apps.rules.service import Made
from officium.core.gateway import Answer, CallContext
from officium.core.llm.completion import Completion, CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import Text
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy import Caller
from officium.kit.clock import SystemClock
from officium.kit.notices import LocalNotices
from officium.library import load_prompt_registry
from tests.support import flowbench
from tests.support.rule_answers import MENDED, REFUSED, right
from tests.support.rules import NoCatalogues, Resolving, example_catalogue

CALLER = Caller("ten_bench", "key:bench", frozenset({"inference"}))
DEPLOYMENT = Deployment(provider=PROVIDERS["groq"], model="scripted", base_url="http://127.0.0.1")
SHAPE = {
    "type": "object",
    "required": ["workflow_name", "trigger", "rules"],
    "properties": {
        "workflow_name": {"type": "string"},
        "trigger": {"type": "string"},
        "trigger_params": {"type": "object"},
        "rules": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "condition", "then"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "condition": {"type": "string"},
                    "then": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["action", "params"],
                            "additionalProperties": False,
                            "properties": {"action": {"type": "string"}, "params": {"type": "object"}},
                        },
                    },
                },
            },
        },
    },
    "additionalProperties": False,
}


class ScriptedModel:
    """A model that says what it is told to, and goes on with the last."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque()
        self.asked = 0

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer:
        self.asked += 1
        text = self.lines.popleft() if len(self.lines) > 1 else self.lines[0]
        completion = Completion(parts=(Text(text),), usage=TokenUsage(input_tokens=1, output_tokens=1))
        return Answer(completion=completion, deployment=DEPLOYMENT, dialect="openai-chat")

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]:
        return (DEPLOYMENT,)


class Trial:
    """The rules room over that model, and the score."""

    def __init__(self, catalogue: dict[str, Any]) -> None:
        self.model = ScriptedModel()
        capabilities = CapabilityService(NoCatalogues(), SystemClock(), LocalNotices())
        generator = Generator(self.model, self.model, Resolving(load_prompt_registry()))
        self.service = RuleService(capabilities, generator)
        self.content = catalogue
        self.catalogue: Catalogue = read_catalogue(catalogue)
        self.score: Counter[str] = Counter()

    async def play(self, sample: flowbench.Sample, lines: Sequence[str]) -> Made | RuleNotGenerated:
        self.model.lines = deque(lines)
        try:
            if sample.prior is None:
                return await self.service.generate(CALLER, sample.utterance, self.content)
            return await self.service.refine(CALLER, sample.prior, sample.utterance, self.content)
        except RuleNotGenerated as error:
            return error

    def judge(self, outcome: Made | RuleNotGenerated, expected: dict[str, Any]) -> str:
        if isinstance(outcome, RuleNotGenerated):
            self.score["refused"] += 1
            self.score["refused without a reason"] += not outcome.fields["problems"]
            return "refused"
        self.score["returned"] += 1
        said = dict(outcome.workflow_rules)
        is_sound = jsonschema_rs.is_valid(SHAPE, said) and not check_workflow(said, self.catalogue).problems
        self.score["returned and sound"] += is_sound
        self.score["returned and as the reference"] += _same(said, expected)
        return "returned"


def _same(said: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether the rules are those of the reference; a rule that is as before a refinement keeps its form."""

    def plain(workflow: dict[str, Any]) -> Any:
        return [
            (rule["condition"].replace("(", "").replace(")", ""), rule["then"]) for rule in workflow["rules"]
        ]

    return bool(plain(said) == plain(expected))


async def answers(every: int) -> None:
    """Play Flow-Bench; of all samples with all kinds of damage every `every`-th, so that all have turns."""
    samples = flowbench.sound_samples()
    trial = Trial(flowbench.read_catalogue(samples))
    began = time.perf_counter()
    for sample in samples:
        trial.judge(await trial.play(sample, [right(sample.expected)]), sample.expected)
    print(f"references: {dict(trial.score)}")
    whole = Counter(trial.score)
    wrong: list[str] = []
    number = 0
    for sample in samples:
        for name, damage in (*MENDED.items(), *REFUSED.items()):
            number += 1
            if number % every:
                continue
            once = trial.judge(
                await trial.play(sample, [damage(sample.expected), right(sample.expected)]), sample.expected
            )
            always = trial.judge(await trial.play(sample, [damage(sample.expected)]), sample.expected)
            whole[f"damage {'mended or ' if name in MENDED else ''}sent back, then right"] += (
                once == "returned"
            )
            whole["damage that does not end: " + always] += 1
            if once != "returned" or (name in REFUSED) == (always == "returned"):
                wrong.append(f"{sample.uid} {name}: {once}, {always}")
    print(f"all: {dict(trial.score)}")
    print({name: count for name, count in whole.items() if name.startswith("damage")})
    print(f"unexpected: {wrong[:20]} ({len(wrong)})")
    kinds, took = len(MENDED) + len(REFUSED), time.perf_counter() - began
    print(f"{trial.model.asked} answers in {took:.0f} s, {kinds} kinds of damage")


def ranking() -> None:
    """How much of what a rule needs is in the part of 546 actions that the model is shown."""
    samples = flowbench.read_samples()
    catalogue = read_catalogue(flowbench.read_catalogue(samples))
    for most in (10, 20, 40):
        found = needed = whole = 0
        for sample in samples:
            order = ranked(catalogue.action_types, sample.utterance, lambda action: action.name)[:most]
            shown = {catalogue.action_types[index].name for _, index in order}
            shown |= _actions(sample.prior)
            wanted = _actions(sample.expected)
            found, needed = found + len(wanted & shown), needed + len(wanted)
            whole += wanted <= shown
        print(f"first {most}: {found / needed:.3f} of the actions, {whole}/{len(samples)} samples whole")


def _actions(workflow: dict[str, Any] | None) -> set[str]:
    """The actions of a workflow, without the steps for people, which no catalogue has."""
    calls = [call for rule in workflow["rules"] for call in rule["then"]] if workflow else []
    return {call["action"] for call in calls} - {"user_task"}


def history(events: int) -> None:
    """Replay a history of so many events."""
    chance = random.Random(7)
    catalogue = example_catalogue()

    def lines() -> Iterator[bytes]:
        for number in range(events):
            facts = {
                "cpu": round(chance.random() * 100, 2),
                "db_memory_percent": round(chance.random() * 100, 2),
            }
            event = {"at": 1_760_000_000 + 30 * number, "metrics": facts, "status": "running"}
            yield json.dumps(event).encode()

    content = b"\n".join(lines())
    workflow = workflow_from(
        {
            "workflow_name": "bench",
            "trigger": "ON_METRIC_UPDATE",
            "trigger_params": {"for_minutes": 2},
            "rules": [
                {
                    "name": "hot",
                    "condition": "$metrics.cpu > 80 AND $status == running",
                    "then": [{"action": "RESTART_SERVICE", "params": {}}],
                }
            ],
        }
    )
    skipped = Skipped()
    began = time.perf_counter()
    said = replay(workflow, catalogue, read_history(content, "jsonl", catalogue, skipped))
    took = time.perf_counter() - began
    rule = said["rules"][0]
    count, size = said["events"], len(content) / 2**20
    print(f"{count:,} events ({size:.0f} MiB) in {took:.1f} s: {count / took:,.0f}/s")
    print(f"held {rule['held']:,}, fired {rule['fires']:,}, {len(rule['chart'])} stretches")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=9, help="1 plays every damage on every sample")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["answers", "ranking", "history"])
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if asked.only in (None, "ranking"):
        ranking()
    if asked.only in (None, "answers"):
        asyncio.run(answers(asked.every))
    if asked.only in (None, "history"):
        history(asked.events)


if __name__ == "__main__":
    main()
