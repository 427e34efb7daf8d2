"""Logs are lines of JSON, and no secret gets into them."""

import io
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from officium.kit.logs import configure_logs, hide_keys


@pytest.fixture
def written() -> Iterator[io.BytesIO]:
    """Where the logs of a test go."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.BytesIO()
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def test_events_are_lines_of_json(written: io.BytesIO) -> None:
    configure_logs("INFO", file=written)

    structlog.get_logger().info("completion.settled", tenant="ten_1", tokens=5)
    structlog.get_logger().debug("not.shown")

    line = msgspec.json.decode(written.getvalue())
    assert list(line) == ["time", "level", "event", "tenant", "tokens"]
    assert (line["level"], line["event"], line["tokens"]) == ("info", "completion.settled", 5)


def test_stack_of_an_error_is_in_the_line(written: io.BytesIO) -> None:
    configure_logs(file=written)

    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        structlog.get_logger().error("request.failed", exc_info=error)

    assert "RuntimeError: broken" in msgspec.json.decode(written.getvalue())["exception"]


def test_what_json_has_no_word_for_is_written_out(written: io.BytesIO) -> None:
    configure_logs(file=written)

    structlog.get_logger().info("odd", value=object)

    assert msgspec.json.decode(written.getvalue())["value"] == "<class 'object'>"


def test_debug_is_for_people(written: io.BytesIO) -> None:
    configure_logs("debug", file=written)

    structlog.get_logger().debug("completion.settled", tokens=5)

    assert b"completion.settled" in written.getvalue()
    assert b"tokens=5" in written.getvalue()
    assert not written.getvalue().startswith(b"{")


def test_warnings_of_libraries_go_the_same_way(written: io.BytesIO) -> None:
    configure_logs(file=written)

    logging.getLogger("somebody.else").warning("careful with %s", "sk-proj-abcdefghijklmnop")
    logging.getLogger("somebody.else").info("chatter")

    line = msgspec.json.decode(written.getvalue())
    assert (line["level"], line["logger"]) == ("warning", "somebody.else")
    assert line["event"] == "careful with [hidden]"


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="DEBUG, INFO"):
        configure_logs("LOUD")


@pytest.mark.parametrize("name", ["api_key", "authorization", "password"])
def test_field_named_like_a_secret_is_hidden(name: str, written: io.BytesIO) -> None:
    configure_logs(file=written)

    structlog.get_logger().info("event", **{name: "hunter2"})

    assert b"hunter2" not in written.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnopqrst",
        "sk-ant-api03-abcdefghijklmnop",
        "gsk_abcdefghijklmnopqrstuv",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "fw_abcdefghijklmnop",
        "hf_abcdefghijklmnop",
        "ofc_0123456789_abcdefghijklmnopqrstuvwxyz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "user:hunter22",
    ],
    ids=lambda secret: secret[:6],
)
@pytest.mark.parametrize("is_human", [True, False], ids=["human", "json"])
def test_keys_are_blotted_out(secret: str, is_human: bool, written: io.BytesIO) -> None:
    configure_logs("INFO", is_human, file=written)

    structlog.get_logger().error("failed", reason=f'asked "https://{secret}@host/" with Bearer {secret}')

    assert secret.encode() not in written.getvalue()
    assert b"failed" in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "req_01k5c9m0w8v2p7n3q4r5s6t7u8",
        "claude-haiku-5-5",
        "officium.web",
        "https://api.openai.com/v1/chat/completions?a=b@c",
        "task-force-report-number-nine",
    ],
)
def test_what_is_no_key_stays(text: str) -> None:
    assert hide_keys(text) == text
