"""chat."""

import builtins
import json
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.cli.conftest import Run


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    waiting = iter(lines)

    def read(prompt: str = "") -> str:
        line = next(waiting, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr(builtins, "input", read)


def test_one_answer_is_printed_alone(run: Run):
    outcome = run("chat", "--once", "Hello there")

    assert outcome.status == 0
    assert "Hello there" in outcome.out
    assert outcome.err == ""


def test_a_conversation_remembers_its_turns_and_ends_with_an_empty_line(run: Run, server, monkeypatch):
    typed(monkeypatch, "First", "Second", "")

    outcome = run("chat", "--url", server.url, "--key", "ofc_x", "--model", "m", "--system", "Be brief.")

    assert outcome.out == "Hello you\nHello you\n"
    assert [[message["content"] for message in asked["messages"]] for asked in server.asked] == [
        ["Be brief.", "First"],
        ["Be brief.", "First", "Hello you", "Second"],
    ]


def test_a_fault_ends_the_answer_and_not_the_conversation(run: Run, server, monkeypatch):
    typed(monkeypatch, "fail", "go on")

    outcome = run("chat", "--url", server.url, "--model", "m")

    assert outcome.status == 0
    assert "Error: " in outcome.err
    assert outcome.out == "Hello you\n"
    assert [message["content"] for message in server.asked[-1]["messages"]] == ["go on"]


def test_a_fault_of_a_single_question_is_the_commands_own(run: Run, server):
    outcome = run("chat", "--url", server.url, "--model", "m", "--once", "fail")

    assert outcome.status == 1
    assert outcome.err.startswith("Error: ")


def test_without_a_model_the_servers_first_is_asked(run: Run, server):
    outcome = run("chat", "--url", f"{server.url}/v1/", "--once", "Hello")

    assert outcome.status == 0
    assert server.asked[0]["model"] == "first"


def test_the_key_is_sent_and_may_come_from_the_environment(run: Run, server, monkeypatch):
    monkeypatch.setenv("OFFICIUM_URL", server.url)
    monkeypatch.setenv("OFFICIUM_KEY", "ofc_environment")

    run("chat", "--model", "m", "--once", "Hello")

    assert server.credentials == ["Bearer ofc_environment"]


def test_ctrl_c_stops_the_answer_and_the_conversation_goes_on(run: Run, monkeypatch):
    import signal
    import sys

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    typed(monkeypatch, "[[mock words=100000 chunk_delay=0.001]] a", "b")
    write = sys.stdout.write
    seen: list[str] = []

    def write_and_interrupt(text: str) -> int:
        seen.append(text)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)
        return write(text)

    monkeypatch.setattr(sys.stdout, "write", write_and_interrupt)
    outcome = run("chat", "--model", "mock")
    signal.signal(signal.SIGINT, before)

    assert outcome.status == 0
    assert "(stopped)" in outcome.err
    assert '"b"' in outcome.out


class ChatServer:
    """Streams the same answer to everyone, and keeps what was asked."""

    def __init__(self, http: HTTPServer) -> None:
        self.url = http.url_for("").rstrip("/")
        self.asked: list[dict[str, object]] = []
        self.credentials: list[str | None] = []
        http.expect_request("/v1/models").respond_with_json({"data": [{"id": "first"}, {"id": "second"}]})
        http.expect_request("/v1/chat/completions").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.credentials.append(request.headers.get("authorization"))
        body = json.loads(request.get_data())
        if body["messages"][-1]["content"] == "fail":
            return Response(json.dumps({"error": {"message": "Nothing works."}}), 400)
        self.asked.append(body)
        return Response(self._events(), content_type="text/event-stream")

    def _events(self) -> Iterator[str]:
        for text in ("Hello", " you"):
            yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n"
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        yield f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n"


@pytest.fixture
def server(httpserver: HTTPServer) -> ChatServer:
    return ChatServer(httpserver)
