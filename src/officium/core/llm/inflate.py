"""Decompressing what providers send, in bounded memory."""

import zlib
from collections.abc import AsyncIterator

from officium.core.llm.errors import LLMProtocolError
from officium.core.llm.faults import too_large

_PIECE_BYTES = 256 * 1024


def is_compressed(encoding: str) -> bool:
    """Whether a body with this content encoding must be inflated."""
    return encoding not in ("", "identity")


async def inflated(body: AsyncIterator[bytes], encoding: str, limit_bytes: int) -> AsyncIterator[bytes]:
    """Decompress in pieces of bounded size, so that a bomb meets the limit before it fills our memory."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise LLMProtocolError(
            "The provider compressed its answer in a way nobody asked for.", encoding=encoding
        )
    room_bytes = limit_bytes
    inflate: zlib._Decompress | None = None
    try:
        async for data in body:
            while data:
                if inflate is None or inflate.eof:  # a gzip body may have several members
                    inflate = _decompressor(encoding, data)
                piece = inflate.decompress(data, _PIECE_BYTES)
                while piece:
                    room_bytes -= len(piece)
                    if room_bytes < 0:
                        raise too_large(limit_bytes)
                    yield piece
                    piece = inflate.decompress(inflate.unconsumed_tail, _PIECE_BYTES)
                data = inflate.unused_data
    except zlib.error as error:
        raise LLMProtocolError("The provider's compressed answer cannot be read.") from error
    if inflate is not None and not inflate.eof:
        raise LLMProtocolError("The provider's compressed answer was cut short.")


def _decompressor(encoding: str, start: bytes) -> "zlib._Decompress":
    """A decompressor for what begins with `start`; `deflate` comes with or without the zlib wrapper."""
    if encoding != "deflate":
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    is_wrapped = start[0] & 0x0F == 8
    return zlib.decompressobj(zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)
