"""The public questions, and knowledge bases made of them."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from officium.core.knowledge import Entry, LocalEncoder
from officium.core.knowledge.rows import Floats

Record = dict[str, Any]
SIZES = {
    **dict.fromkeys(("clinc150", "banking77", "bitext"), (1, 5, 20)),
    **dict.fromkeys(("curekart", "powerplay11"), (1, 5, 999)),
    **{f"xsid-{language}": (1, 5, 20) for language in ("de", "it", "tr", "ar", "ja", "zh")},
}
ALL = 999
"""Stands for all phrasings there are."""


def source_of(task: str) -> str:
    """Return whose data a task is; what is fitted for it must not have seen any of that."""
    return "hint3" if task in ("curekart", "powerplay11") else task.split("-")[0]


SOURCES = tuple(dict.fromkeys(source_of(task) for task in SIZES))


def read(file: Path) -> list[Record]:
    """Read a file of JSON lines."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


@dataclass(frozen=True)
class Base:
    """A knowledge base and what visitors ask it: texts, each with the id of its entry or None."""

    task: str
    phrasings: int
    is_official: bool
    entries: tuple[Entry, ...]
    questions: tuple[tuple[str, int | None], ...]


def official(folder: Path, task: str, phrasings: int) -> Base:
    """Return a task at one of its sizes."""
    records = read(folder / f"{task}.entries.jsonl")
    numbers = {record["id"]: number for number, record in enumerate(records)}
    entries = tuple(
        Entry(number, tuple(record["phrasings"][:phrasings]), record["answer"])
        for number, record in enumerate(records)
    )
    questions = tuple(
        (query["text"], numbers[query["relevant"][0]] if query["kind"] == "in" else None)
        for query in read(folder / f"{task}.queries.jsonl")
    )
    return Base(task, phrasings, True, entries, questions)


def parts(folder: Path, task: str, count: int) -> Iterator[Base]:
    """Yield `count` knowledge bases with some of a task's entries and phrasings, always the same ones.

    Questions about entries that were left out are near misses; those of other sources are far ones.
    """
    whole = official(folder, task, ALL)
    chosen = random.Random(task)
    strange = [
        text
        for other in SIZES
        if source_of(other) != source_of(task) and (other.startswith("xsid") == task.startswith("xsid"))
        for text, _ in official(folder, other, 1).questions
    ]
    if task.startswith("xsid"):
        strange = []
    for _ in range(count):
        size = min(len(whole.entries), round(chosen.choice((0.3, 0.5, 0.7, 0.9)) * len(whole.entries)))
        kept = chosen.sample(whole.entries, max(6, size))
        phrasings = chosen.choice((1, 2, 3, 5, 8, 12, 20))
        entries = tuple(
            Entry(entry.id, tuple(chosen.sample(entry.phrasings, min(phrasings, len(entry.phrasings)))), None)
            for entry in kept
        )
        ids = {entry.id for entry in kept}
        inside = [question for question in whole.questions if question[1] in ids]
        outside = [(text, None) for text, entry_id in whole.questions if entry_id not in ids]
        outside = chosen.sample(outside, min(60, len(outside)))
        outside += [(text, None) for text in chosen.sample(strange, min(40, len(strange)))]
        asked = chosen.sample(inside, min(200, len(inside))) + outside
        yield Base(task, phrasings, False, entries, tuple(asked))


class KeptEncoder:
    """The local encoder, whose vectors are kept in a file from one run to the next."""

    def __init__(self, folder: Path) -> None:
        self._encoder = LocalEncoder()
        self.name = self._encoder.name
        self.dimensions = self._encoder.dimensions
        self._file = folder / f"{self.name.replace('/', '-')}.npz"
        self._known: dict[str, Floats] = {}
        if self._file.exists():
            with np.load(self._file) as kept:
                texts = json.loads(str(kept["texts"]))
                self._known = dict(zip(texts, kept["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the vectors of `texts`, encoding none twice."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if missing:
            self._known.update(zip(missing, self._encoder.encode(missing), strict=True))
        return np.stack([self._known[text] for text in texts])

    def fluency(self, texts: Sequence[str]) -> float:
        """Return what the local encoder says."""
        return self._encoder.fluency(texts)

    def keep(self) -> None:
        """Write the vectors down."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        texts = json.dumps(list(self._known))
        np.savez(self._file, texts=np.array(texts), vectors=np.stack(list(self._known.values())))
