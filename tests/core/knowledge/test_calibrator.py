"""From what a search saw to a probability: prudent where it matters, and read only where it fits."""

import json
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest

from officium.core.knowledge.calibrator import (
    ANSWERED_FROM,
    TERMS,
    Calibrator,
    Scale,
    prudent,
    shipped_calibrator,
    widened,
)
from officium.core.knowledge.evidence import NAMES


def test_what_is_told_keeps_the_order_and_the_ends() -> None:
    told = [prudent(step / 1000, sure=0.9) for step in range(1001)]

    assert (told[0], told[-1]) == (0.0, 1.0)
    assert all(lower < higher for lower, higher in pairwise(told))
    assert told[600] == pytest.approx(0.6)
    assert told[900] == pytest.approx(ANSWERED_FROM)


def test_a_confidence_is_never_raised() -> None:
    assert all(prudent(step / 1000, sure=0.88) <= step / 1000 + 1e-12 for step in range(1001))


def test_a_probability_of_just_085_is_not_told_as_such() -> None:
    constant = np.zeros(len(TERMS) + 1, np.float32)
    constant[-1] = np.log(0.85 / 0.15)
    nothing, usual = np.zeros(len(NAMES), np.float32), np.ones(len(NAMES), np.float32)

    prudently = Scale(nothing, usual, constant, constant, 0.9).judge(nothing)
    plainly = Scale(nothing, usual, constant, constant, ANSWERED_FROM).judge(nothing)

    assert prudently.confidence < ANSWERED_FROM - 0.02
    assert plainly.confidence == pytest.approx(0.85, abs=1e-6)
    assert prudently.scope == plainly.scope


def test_standing_out_is_multiplied_by_how_good_the_match_is() -> None:
    usual = np.zeros((2, len(NAMES)), np.float32)
    usual[:, NAMES.index("share")] = -9.0
    usual[1, NAMES.index("meaning_best")] = 0.5

    terms = widened(usual)

    assert terms.shape == (2, len(TERMS) + 1)
    assert terms[:, TERMS.index("share")].tolist() == [-4.0, -4.0]
    assert terms[:, TERMS.index("share*meaning_best")].tolist() == [0.0, -2.0]
    assert terms[:, -1].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("has_vectors", [True, False], ids=["vectors", "words"])
def test_the_shipped_one_is_surer_of_a_match_that_stands_out(has_vectors: bool) -> None:
    shipped = shipped_calibrator()
    scale = shipped.with_vectors if has_vectors else shipped.by_words
    weak, strong = scale.means.copy(), scale.means.copy()
    for name in ("lead_second", "share", "above_strangers", "below_kin"):
        place = NAMES.index(name)
        weak[place] -= 1.5 * scale.spreads[place]
        strong[place] += 1.5 * scale.spreads[place]

    assert shipped.judge(strong, has_vectors).confidence > 0.85
    assert shipped.judge(weak, has_vectors).confidence < 0.4


def test_one_that_was_fitted_for_other_evidence_is_not_read() -> None:
    shipped = json.loads(
        resources.files("officium.core.knowledge").joinpath("calibrator.json").read_text("utf-8")
    )
    shipped["names"] = list(NAMES)

    with pytest.raises(ValueError, match="Fit it again"):
        Calibrator.read(json.dumps(shipped))
