"""A few of Flow-Bench's instructions, with a model that says the reference or something damaged."""

import pytest

from officium.apps.rules import CapabilityService, Generator, RuleService
from officium.apps.rules.catalogue import read_catalogue
from officium.apps.rules.check import check_workflow
from officium.apps.rules.errors import RuleNotGenerated
from officium.apps.rules.service import Made
from officium.kit.clock import SystemClock
from officium.kit.notices import LocalNotices
from officium.library import load_prompt_registry
from officium.testing import ScriptedTransport
from tests.support import flowbench
from tests.support.gateway import ACCESS, CALLER, GatewayBench
from tests.support.rule_answers import DAMAGES, REFUSED, right
from tests.support.rules import NoCatalogues, Resolving

pytestmark = pytest.mark.skipif(not flowbench.FOLDER.is_dir(), reason="the shared test data is not here")
EVERY = 17
"""Every so manieth sample is tried here; the benchmark tries them all."""


def a_service(*answers: str) -> RuleService:
    bench = GatewayBench(ScriptedTransport(answers), access={"groq": ACCESS["groq"]})
    capabilities = CapabilityService(NoCatalogues(), SystemClock(), LocalNotices())
    generator = Generator(bench.service, bench.models, Resolving(load_prompt_registry()))
    return RuleService(capabilities, generator)


def test_every_sample_but_one_is_a_rule_of_its_catalogue():
    samples = flowbench.read_samples()
    catalogue = read_catalogue(flowbench.read_catalogue(samples))

    wrong = {
        sample.uid
        for sample in samples
        for workflow in (sample.expected, sample.prior)
        if workflow is not None and check_workflow(workflow, catalogue).problems
    }

    assert len(samples) == 101
    assert wrong == flowbench.UNSOUND


SOME = flowbench.sound_samples()[::EVERY] if flowbench.FOLDER.is_dir() else []
CASES = [
    pytest.param(sample, list(DAMAGES)[number * 5 % len(DAMAGES)], id=str(sample.uid))
    for number, sample in enumerate(SOME)
]


async def play(sample: flowbench.Sample, *answers: str) -> Made | RuleNotGenerated:
    content = flowbench.read_catalogue(SOME)
    service = a_service(*answers)
    try:
        if sample.prior is None:
            return await service.generate(CALLER, sample.utterance, content)
        return await service.refine(CALLER, sample.prior, sample.utterance, content)
    except RuleNotGenerated as error:
        return error


@pytest.mark.parametrize(("sample", "kind"), CASES)
async def test_reference_comes_through_and_damage_does_not(sample: flowbench.Sample, kind: str):
    catalogue = read_catalogue(flowbench.read_catalogue(SOME))
    damaged = DAMAGES[kind](sample.expected)

    outcomes = [
        await play(sample, right(sample.expected)),
        await play(sample, damaged, right(sample.expected)),
        await play(sample, *[damaged] * 4),
    ]

    made = [outcome for outcome in outcomes if isinstance(outcome, Made)]
    assert len(made) == (2 if kind in REFUSED else 3)
    for each in made:
        assert check_workflow(each.workflow_rules, catalogue).problems == ()
    for refused in outcomes[len(made) :]:
        assert isinstance(refused, RuleNotGenerated)
        assert refused.fields["problems"]
