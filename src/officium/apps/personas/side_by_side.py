"""Several answers at the same time, in one stream."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from officium.core.conversations.live import Event


async def side_by_side(speakers: Sequence[AsyncGenerator[Event, None]]) -> AsyncIterator[Event]:
    """What all `speakers` say, as it comes; each one's own words stay in their order.

    A speaker must not raise. When reading stops, all of them are stopped and have cleaned up.
    """
    said: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=256)

    async def listen(speaker: AsyncGenerator[Event, None]) -> None:
        async with aclosing(speaker):
            async for event in speaker:
                await said.put(event)
        await said.put(None)

    listening = [asyncio.create_task(listen(speaker)) for speaker in speakers]
    try:
        left = len(listening)
        while left:
            event = await said.get()
            if event is None:
                left -= 1
            else:
                yield event
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
