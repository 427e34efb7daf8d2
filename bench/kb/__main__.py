"""Knowledge bases: how well, how honestly and how fast questions are answered.

    python -m bench.kb quality             # every task at every size, judged without its source
    python -m bench.kb fit                 # fits those calibrators, and the one that is shipped
    python -m bench.kb speed               # latency and memory at 1,000, 10,000 and 100,000 entries
    python -m bench.kb speed --entries 100000
    python -m bench.kb restart --entries 10000 [--url postgresql://...]    # the index after a start

The data are expected in `../shared/kb` (`--data`), with their scorer. Sentence vectors are kept in `--work`
from one run to the next. Nothing here is tuned by looking at the task it is scored on: the calibrator leaves
its source out.
"""

import argparse
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.kb import restart, speed
from bench.kb.data import SIZES, SOURCES, KeptEncoder, official, parts, read, source_of
from bench.kb.fit import fitted
from bench.kb.sightings import Sightings, look
from officium.core.knowledge.calibrator import Calibrator

_HERE = Path(__file__).parent
_CALIBRATORS = _HERE / "calibrators"
_SHIPPED = _HERE.parents[1] / "src" / "officium" / "core" / "knowledge" / "calibrator.json"
_PARTS, _PARTS_OF_LANGUAGES = 24, 4
_COLUMNS = (
    "top1", "recall@10", "auroc", "coverage@p95", "precision@0.85", "coverage@0.85", "oos_answered@0.85",
    "ece",
)  # fmt: skip


def main() -> None:
    """Do what the first word says."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("what", choices=("quality", "fit", "speed", "restart"))
    arguments.add_argument("--data", type=Path, default=_HERE.parents[2] / "shared" / "kb")
    arguments.add_argument("--work", type=Path, default=Path("data/models"))
    arguments.add_argument("--entries", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    arguments.add_argument("--url", help="an empty database for `restart`, instead of a SQLite file")
    given = arguments.parse_args()
    if given.what == "restart":
        restart.run(given.data, given.entries, given.url)
        return
    encoder = KeptEncoder(given.work)
    if given.what == "speed":
        for entries in given.entries:
            print(speed.measured(given.data, given.work, entries), flush=True)
        return
    try:
        if given.what == "fit":
            _fit(given.data, encoder)
        _quality(given.data, encoder)
    finally:
        encoder.keep()


def _fit(folder: Path, encoder: KeptEncoder) -> None:
    sightings: list[Sightings] = []
    for task, sizes in SIZES.items():
        count = _PARTS_OF_LANGUAGES if task.startswith("xsid") else _PARTS
        bases = [official(folder, task, size) for size in sizes] + list(parts(folder, task, count))
        for base in bases:
            seen = look(base, encoder)
            sightings.append(seen)
            if seen.has_vectors:
                sightings.append(look(base, None))
    _CALIBRATORS.mkdir(exist_ok=True)
    for source in SOURCES:
        (_CALIBRATORS / f"without-{source}.json").write_text(fitted(sightings, source), "utf-8")
    _SHIPPED.write_text(fitted(sightings, None), "utf-8")


def _quality(folder: Path, encoder: KeptEncoder) -> None:
    scorer = _scorer(folder)
    print(f"{'task':12}{'k':>5} {'encoder':8}", *(f"{name:>17}" for name in _COLUMNS))
    for task, sizes in SIZES.items():
        calibrator = Calibrator.from_file(_CALIBRATORS / f"without-{source_of(task)}.json")
        questions = read(folder / f"{task}.queries.jsonl")
        ids = [record["id"] for record in read(folder / f"{task}.entries.jsonl")]
        for size in sizes:
            base = official(folder, task, size)
            for chosen in (encoder, None):
                seen = look(base, chosen)
                found = scorer.score(questions, _predictions(questions, ids, seen, calibrator))
                numbers = (f"{found[name]:17.3f}" for name in _COLUMNS)
                kind = "none" if chosen is None else "local" if seen.has_vectors else "unread"
                print(f"{task:12}{'all' if size == 999 else size:>5} {kind:8}", *numbers, flush=True)


def _predictions(
    questions: list[dict[str, Any]], ids: list[str], seen: Sightings, calibrator: Calibrator
) -> list[dict[str, Any]]:
    judged = [calibrator.judge(evidence, seen.has_vectors) for evidence in seen.evidence]
    return [
        {
            "id": question["id"],
            "ranked": [ids[number] for number in ranked],
            "confidence": one.confidence,
            "scope": one.scope,
        }
        for question, ranked, one in zip(questions, seen.ranked, judged, strict=True)
    ]


def _scorer(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", folder / "score.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"There is no scorer in {folder}.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
