"""`officium kb predict`: predictions for files of questions."""

import json
from pathlib import Path

from typer.testing import CliRunner

from officium.cli import app

ENTRIES = [
    {"id": "returns", "phrasings": ["send it back", "how do I return a parcel"], "answer": None},
    {"id": "hours", "phrasings": ["when are you open"], "answer": "Nine to five."},
]


def _write(folder: Path, name: str, records: list[dict[str, object]]) -> str:
    file = folder / name
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return str(file)


def test_each_question_gets_a_line(tmp_path: Path) -> None:
    entries = _write(tmp_path, "entries.jsonl", ENTRIES)
    questions = _write(
        tmp_path, "queries.jsonl", [{"id": "q1", "text": "open today?"}, {"id": "q2", "text": ""}]
    )
    out = tmp_path / "predictions.jsonl"

    arguments = [
        "kb",
        "predict",
        "--entries",
        entries,
        "--queries",
        questions,
        "--lexical",
        "--out",
        str(out),
    ]
    result = CliRunner().invoke(app, arguments)

    first, second = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert result.exit_code == 0
    assert first["ranked"] == ["hours", "returns"]
    assert 0 < first["confidence"] <= 1
    assert second == {"id": "q2", "ranked": [], "confidence": 0.0, "scope": 0.0}


def test_only_the_first_phrasings_are_read(tmp_path: Path) -> None:
    entries = _write(tmp_path, "entries.jsonl", ENTRIES)
    questions = _write(tmp_path, "queries.jsonl", [{"id": "q", "text": "return a parcel"}])
    arguments = ["kb", "predict", "--entries", entries, "--queries", questions, "--lexical"]

    runs = [CliRunner().invoke(app, [*arguments, *more]) for more in ([], ["--phrasings", "1"])]

    known, unknown = [json.loads(run.stdout)["confidence"] for run in runs]
    assert known > unknown


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    entries = _write(tmp_path, "entries.jsonl", ENTRIES)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "q"}\nnot json\n', "utf-8")

    result = CliRunner().invoke(
        app, ["kb", "predict", "--entries", entries, "--queries", str(broken), "--lexical"]
    )

    assert "line 2 is not JSON" in str(result.exception)
