"""Quality on public questions, where they are at hand, judged without having seen their source."""

import json
from pathlib import Path
from typing import Any

import pytest

from officium.core.knowledge.calibrator import Calibrator
from officium.core.knowledge.trial import answer_all

_ROOT = Path(__file__).resolve().parents[3]
_DATA = _ROOT.parent / "shared" / "kb"

pytestmark = pytest.mark.skipif(not _DATA.exists(), reason="the public questions are not at hand")


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_DATA / name).read_text("utf-8").split("\n") if line]


@pytest.mark.parametrize(("task", "least"), [("xsid-ja", 0.90), ("xsid-ar", 0.80), ("bitext", 0.82)])
def test_questions_are_found_by_words_and_letters(task: str, least: float) -> None:
    without = Calibrator.from_file(_ROOT / f"bench/kb/calibrators/without-{task.split('-')[0]}.json")
    questions = _read(f"{task}.queries.jsonl")[:300]
    right = {question["id"]: question["relevant"] for question in questions if question["kind"] == "in"}

    answers = list(answer_all(_read(f"{task}.entries.jsonl"), questions, 5, None, without))

    inside = [answer for answer in answers if answer["id"] in right]
    hits = [answer["ranked"][0] in right[answer["id"]] for answer in inside]
    sure = [hit for answer, hit in zip(inside, hits, strict=True) if answer["confidence"] >= 0.85]
    assert sum(hits) / len(hits) >= least
    assert sum(sure) / len(sure) >= 0.9
