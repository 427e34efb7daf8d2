"""replay."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

RECORD = {
    "id": "one",
    "provider": "groq",
    "path": "/chat/completions",
    "request": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "status": 200,
    "headers": {"content-type": "application/json"},
    "body": json.dumps(
        {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
            ]
        }
    ),
}


@pytest.mark.parametrize("source", ["file", "standard-input"])
def test_each_line_is_replayed_as_a_line_of_json(run: Run, tmp_path: Path, monkeypatch, source):
    text = json.dumps(RECORD) + "\n\nnonsense\n"
    (tmp_path / "records.jsonl").write_text(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    outcome = run("replay", "records.jsonl" if source == "file" else "-")

    first, second = [json.loads(line) for line in outcome.out.splitlines()]
    assert (first["id"], first["text"], first["finish_reason"]) == ("one", "Hello", "stop")
    assert "undecodable" in second


@pytest.mark.parametrize("arguments", [("missing.jsonl",), ("-", "--split", "0")], ids=["no-file", "no-size"])
def test_wrong_use_is_refused(run: Run, arguments):
    assert run("replay", *arguments).status == 2
