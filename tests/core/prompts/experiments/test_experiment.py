"""Who is given which variant, and what counts as a difference."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from scipy import stats

from officium.core.prompts.experiments import Experiment, Sample, Variant, pick, welch


def an_experiment(*weights: int, id: str = "exp_1") -> Experiment:
    variants = tuple(Variant(version=f"own/{n}", weight=weight) for n, weight in enumerate(weights, 1))
    return Experiment(
        id=id, name="a.v1", variants=variants, started_at=datetime(2026, 11, 1, tzinfo=UTC), started_by="x"
    )


def sample(values: list[float]) -> Sample:
    return Sample(len(values), sum(values), sum(value * value for value in values))


def test_subject_keeps_its_variant() -> None:
    experiment = an_experiment(1, 1)

    assert len({pick(experiment, "ada").version for _ in range(20)}) == 1


def test_subjects_are_split_by_weight() -> None:
    experiment = an_experiment(3, 1)

    split = Counter(pick(experiment, f"subject {number}").version for number in range(4000))

    assert split["own/1"] == pytest.approx(3000, abs=120)


def test_two_experiments_do_not_split_alike() -> None:
    one, other = an_experiment(1, 1), an_experiment(1, 1, id="exp_2")

    same = sum(pick(one, f"s{n}").version == pick(other, f"s{n}").version for n in range(2000))

    assert same == pytest.approx(1000, abs=120)


@pytest.mark.parametrize("seed", range(12))
def test_welch_agrees_with_scipy(seed: int) -> None:
    random = Random(seed)
    one = [random.gauss(0, 1 + seed / 3) for _ in range(random.randint(2, 60))]
    other = [random.gauss(seed / 10, 1) for _ in range(random.randint(2, 60))]

    assert welch(sample(one), sample(other)) == pytest.approx(
        stats.ttest_ind(one, other, equal_var=False).pvalue, rel=1e-6, abs=1e-12
    )


def test_too_few_values_tell_nothing() -> None:
    assert welch(sample([1.0]), sample([1.0, 2.0])) is None


def test_values_that_never_vary() -> None:
    assert welch(sample([1.0, 1.0]), sample([1.0, 1.0])) == 1.0
    assert welch(sample([1.0, 1.0]), sample([0.0, 0.0])) == 0.0
