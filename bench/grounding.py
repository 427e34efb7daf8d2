"""Measure the number guard on a set of texts with planted falsehoods.

    python -m bench.grounding [--missed] [--part tuned|held_out]

Prints how many falsehoods were found and how many true figures were flagged, by part, language and kind. See
tests/core/grounding/data/README.md for the set.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from officium.core.grounding import check_claims, check_figures

DATA = Path(__file__).resolve().parent.parent / "tests" / "core" / "grounding" / "data"
PARTS = ("tuned", "held_out", "fresh", "later")
_MARK = re.compile(r"\[\[(?P<text>[^\]|]+)(?:\|(?P<kind>[a-z]+))?\]\]")

Span = tuple[int, int]


@dataclass(frozen=True)
class Mark:
    """A figure or claim in a text, at `text[start:end]`, and what is wrong with it; `None` is nothing."""

    start: int
    end: int
    kind: str | None


@dataclass(frozen=True)
class Sample:
    """One text of the set, without its marks."""

    part: str
    language: str
    context: Any
    text: str
    marks: tuple[Mark, ...]


@dataclass
class Score:
    """What was counted of some samples."""

    falsehoods: int = 0
    found: int = 0
    truths: int = 0
    flagged: int = 0
    plans: int = 0
    flagged_plans: int = 0
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        plans = f", plans flagged {self.flagged_plans} of {self.plans}" if self.plans else ""
        return (
            f"found {_share(self.found, self.falsehoods)} of {self.falsehoods:4}   "
            f"false alarms {_share(self.flagged, self.truths)} of {self.truths:4}{plans}"
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} %" if whole else "      -"


def read_samples(name: str) -> Iterator[Sample]:
    """The texts of `figures.jsonl` or `claims.jsonl`, with their contexts."""
    contexts = {line["id"]: line for line in _lines("contexts")}
    for line in _lines(name):
        context = contexts[line["context"]]
        text, marks = unmark(line["marked"])
        yield Sample(context["part"], line["language"], context["context"], text, marks)


def unmark(marked: str) -> tuple[str, tuple[Mark, ...]]:
    """The text without its marks, and where they were."""
    text, marks, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        marks.append(Mark(len(text), len(text) + len(match["text"]), match["kind"]))
        text += match["text"]
        last = match.end()
    return text + marked[last:], tuple(marks)


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]


def score(samples: Iterable[Sample], flag: Callable[[str, Any], list[Span]]) -> dict[str, Score]:
    """What `flag` finds, counted for `all`, each `language` and each kind of falsehood.

    A flagged span that touches no mark is a false alarm, too, and counts as one more truth.
    """
    scores: dict[str, Score] = defaultdict(Score)
    for sample in samples:
        spans = flag(sample.text, sample.context)
        for mark in sample.marks:
            hit = any(start < mark.end and mark.start < end for start, end in spans)
            _count(scores["all"], sample, mark, hit)
            _count(scores[f"language {sample.language}"], sample, mark, hit)
            if mark.kind not in (None, "plan"):
                _count(scores[f"kind {mark.kind}"], sample, mark, hit)
        for start, end in spans:
            if not any(start < mark.end and mark.start < end for mark in sample.marks):
                for name in ("all", f"language {sample.language}"):
                    _count(scores[name], sample, Mark(start, end, None), True)
    return dict(scores)


def _count(counted: Score, sample: Sample, mark: Mark, hit: bool) -> None:
    if mark.kind == "plan":
        counted.plans += 1
        counted.flagged_plans += hit
    elif mark.kind:
        counted.falsehoods += 1
        counted.found += hit
    else:
        counted.truths += 1
        counted.flagged += hit
    if hit != (mark.kind not in (None, "plan")):
        counted.misses.append(_shown(sample, mark))


def _shown(sample: Sample, mark: Mark) -> str:
    said = sample.text[mark.start : mark.end]
    around = sample.text[max(0, mark.start - 90) : mark.end + 50].replace("\n", " / ")
    return f"{'missed ' + mark.kind if mark.kind else 'alarm'}: {said!r} in {around!r}"


def flag_figures(text: str, context: Any) -> list[Span]:
    """The figures that nothing stands behind."""
    return [(one.figure.start, one.figure.end) for one in check_figures(text, context).unmatched]


def flag_claims(text: str, context: Any) -> list[Span]:
    """The names, amounts, dates and statuses that the context does not have."""
    return [(one.start, one.end) for one in check_claims(text, context) if not one.is_matched]


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--part", choices=PARTS, help="one part alone")
    parser.add_argument(
        "--missed", action="store_true", help="list what was missed and what was flagged in vain"
    )
    options = parser.parse_args()
    for name, flag in (("figures", flag_figures), ("claims", flag_claims)):
        samples = list(read_samples(name))
        for part in (options.part,) if options.part else PARTS:
            chosen = [sample for sample in samples if sample.part == part]
            if not chosen:
                continue
            print(f"\n{name}, {part}: {len(chosen)} texts")
            scores = score(chosen, flag)
            for group in sorted(scores, key=lambda group: (group != "all", group)):
                print(f"  {group:16} {scores[group]}")
            if options.missed:
                print(*scores["all"].misses, sep="\n")


if __name__ == "__main__":
    main()
