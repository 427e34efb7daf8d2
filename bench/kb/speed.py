"""How long a question takes, and how much memory an index.

Each entry's text is two public ones, one after the other. Encoding 100,000 of them takes some minutes, which
is not what is measured here: an entry gets the mean of its two texts' vectors. Questions are encoded as any
question is.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.kb.data import KeptEncoder, read
from officium.core.knowledge import Entry, KnowledgeIndex, LocalEncoder
from officium.core.knowledge.rows import Floats

_QUESTIONS = 200
_TASKS = ("banking77", "bitext", "clinc150", "curekart", "powerplay11")


def measured(folder: Path, work: Path, entries: int) -> str:
    """Return a line about a knowledge base of so many entries, made and asked in a process of its own."""
    command = [sys.executable, "-m", "bench.kb.speed", str(folder), str(work), str(entries)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class PairEncoder:
    """The local encoder for questions; the mean of two kept vectors for an entry's text."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._encoder = LocalEncoder()
        self._kept = KeptEncoder(work)
        self.name = self._encoder.name
        self.dimensions = self._encoder.dimensions
        self._pool = {text for task in _TASKS for text in _texts(folder, task)}

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return a vector for each text."""
        if len(texts) == 1:
            return self._encoder.encode(texts)
        pairs = [part for text in texts for part in self._halves(text)]
        vectors = self._kept.encode(pairs).reshape(len(texts), 2, -1).mean(axis=1)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def _halves(self, text: str) -> tuple[str, str]:
        """Return the two texts of which `text` is made."""
        for place, letter in enumerate(text):
            if letter == " " and text[:place] in self._pool and text[place + 1 :] in self._pool:
                return text[:place], text[place + 1 :]
        return text, text


def _texts(folder: Path, task: str) -> list[str]:
    found = [query["text"] for query in read(folder / f"{task}.queries.jsonl")]
    return found + [text for entry in read(folder / f"{task}.entries.jsonl") for text in entry["phrasings"]]


def _entries(folder: Path, count: int) -> list[Entry]:
    command = [sys.executable, str(folder / "make_scale.py"), "--entries", str(count)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("\n")
    records = [json.loads(line) for line in lines]
    return [
        Entry(number, tuple(record["phrasings"]), record["answer"]) for number, record in enumerate(records)
    ]


def _questions(folder: Path) -> list[str]:
    texts = [query["text"] for task in _TASKS for query in read(folder / f"{task}.queries.jsonl")]
    return random.Random(7).sample(sorted(texts), _QUESTIONS)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / 2**20


def _measure(folder: Path, work: Path, count: int) -> str:
    encoder = PairEncoder(folder, work)
    encoder.encode(["warm"])
    entries = _entries(folder, count)
    before = _resident_mib()
    start = time.perf_counter()
    index = KnowledgeIndex.build(entries, encoder)
    built_s = time.perf_counter() - start
    grown = _resident_mib() - before
    questions = _questions(folder)
    for question in questions[:20]:
        index.search(question)
    walls, busy = [], []
    for question in questions:
        start, started = time.perf_counter(), time.process_time()
        index.search(question)
        walls.append((time.perf_counter() - start) * 1000)
        busy.append((time.process_time() - started) * 1000)
    walls.sort()
    busy.sort()
    middle, last = _QUESTIONS // 2, round(_QUESTIONS * 0.99) - 1
    return (
        f"{count:>7} entries: p50 {walls[middle]:.1f} ms, p99 {walls[last]:.1f} ms "
        f"(CPU {busy[middle]:.1f} and {busy[last]:.1f}), index {index.size_bytes / 2**20:.0f} MiB, "
        f"process grew {grown:.0f} MiB, built in {built_s:.0f} s"
    )


if __name__ == "__main__":
    print(_measure(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
