"""The measured rates do not fall unnoticed, and the set stays well made."""

import pytest

from bench.grounding import PARTS, flag_claims, flag_figures, read_samples, score

FLOORS = {
    ("figures", "tuned"): (0.95, 0.05),
    ("figures", "held_out"): (0.88, 0.05),
    ("claims", "tuned"): (0.95, 0.05),
    ("claims", "held_out"): (0.95, 0.05),
    ("claims", "fresh"): (0.95, 0.05),
    ("claims", "later"): (0.85, 0.02),
}
"""At least so many falsehoods found, at most so many false alarms: what was measured, rounded down."""


@pytest.mark.parametrize(("name", "part"), FLOORS, ids=lambda value: value)
def test_rates_are_kept(name: str, part: str) -> None:
    least_found, most_flagged = FLOORS[name, part]
    samples = [sample for sample in read_samples(name) if sample.part == part]

    counted = score(samples, flag_figures if name == "figures" else flag_claims)["all"]

    assert counted.found / counted.falsehoods >= least_found
    assert counted.flagged / counted.truths <= most_flagged


@pytest.mark.parametrize(("name", "least"), [("figures", 300), ("claims", 100)])
def test_the_set_has_enough_texts_with_marks_and_a_held_out_part(name: str, least: int) -> None:
    samples = list(read_samples(name))

    assert len(samples) >= least
    assert {sample.part for sample in samples} >= {"tuned", "held_out"}
    assert {sample.part for sample in samples} <= set(PARTS)
    assert all("[[" not in sample.text and "]]" not in sample.text for sample in samples)
    assert sum(bool(sample.marks) for sample in samples) >= least
