"""Reading requests and watching for the end of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from officium.kit.errors import InvalidRequest, RequestTooLarge
from officium.web.errors import RequestTooSlow
from officium.web.exchange import BodyLimits, ClientGone, Exchange


def an_exchange(
    *chunks: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (),
    limits: BodyLimits | None = None,
    stays: bool = True,
) -> Exchange:
    """An exchange whose body comes in these chunks; then the client waits, or goes."""
    incoming = list(chunks)

    async def receive() -> dict[str, Any]:
        if incoming:
            return {"type": "http.request", "body": incoming.pop(0), "more_body": bool(incoming)}
        if stays:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError("nothing should be sent")

    return Exchange({"headers": list(headers)}, receive, send, limits or BodyLimits())


async def test_body_is_put_together() -> None:
    assert await an_exchange(b"a", b"", b"bc").body() == b"abc"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b' {"a": "\\u00e9\xc3\xa9"} \n', {"a": "éé"}),
        (b'{"a":' * 128 + b"1" + b"}" * 128, None),
    ],
    ids=["key twice", "long number", "escapes and spaces", "deep"],
)
async def test_json_objects_are_read(body: bytes, value: Any) -> None:
    read = await an_exchange(body).json()

    assert read == (value or msgspec.json.decode(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": 1} {}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 129 + b"1" + b"}" * 129,
        b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
    ids=lambda body: repr(body[:14]) if len(body) < 1000 else f"{len(body)} bytes",
)
async def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await an_exchange(body).json()


async def test_wide_bodies_are_not_deep() -> None:
    body = {"a": [{"b": [index]} for index in range(1000)]}

    assert await an_exchange(msgspec.json.encode(body)).json() == body


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [
        ([b"x" * 11], []),
        ([b"x" * 6, b"x" * 6, b"x"], []),
        ([b"x"], [(b"content-length", b"11")]),
    ],
    ids=["in one piece", "in pieces", "declared"],
)
async def test_large_bodies_are_refused(chunks: list[bytes], headers: list[tuple[bytes, bytes]]) -> None:
    exchange = an_exchange(*chunks, headers=headers, limits=BodyLimits(size_bytes=10))

    with pytest.raises(RequestTooLarge) as caught:
        await exchange.body()

    assert caught.value.fields["limit"] == 10


async def test_body_at_the_limit_is_read() -> None:
    assert await an_exchange(b"x" * 5, b"x" * 5, limits=BodyLimits(size_bytes=10)).body() == b"x" * 10


async def test_slow_bodies_are_refused() -> None:
    exchange = an_exchange(limits=BodyLimits(timeout_s=0.01))

    with pytest.raises(RequestTooSlow):
        await exchange.body()


async def test_client_that_goes_while_sending_is_noticed() -> None:
    exchange = an_exchange(stays=False)

    with pytest.raises(ClientGone):
        await exchange.body()

    assert exchange.client_is_gone


async def test_compressed_bodies_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="uncompressed"):
        await an_exchange(b"{}", headers=[(b"content-encoding", b"gzip")]).body()


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        (b"trace-1:a.b_c", True),
        (b"x" * 128, True),
        (b"x" * 129, False),
        (b"two words", False),
        (b"line\nbreak", False),
        (b"", False),
    ],
    ids=["sane", "long", "too long", "space", "line break", "empty"],
)
def test_request_ids_of_clients_are_kept_when_they_are_sane(given: bytes, is_kept: bool) -> None:
    exchange = an_exchange(headers=[(b"x-request-id", given)])

    assert (exchange.request_id == given.decode()) is is_kept
    assert is_kept or exchange.request_id.startswith("req_")
