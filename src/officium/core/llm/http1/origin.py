"""A server we talk to, and how many may talk to it at once."""

import asyncio
from collections import deque


class Origin:
    """A scheme, host and port, with so many places for requests under way.

    A guarded one has connections of its own, to addresses that were checked.
    Places are given in the order they were asked for; one goes straight from who leaves to who waits.
    """

    __slots__ = ("_free", "_places", "_waiting", "host", "is_guarded", "is_secure", "port")

    def __init__(
        self, host: str, port: int, *, is_secure: bool, places: int, is_guarded: bool = False
    ) -> None:
        self.host = host
        self.port = port
        self.is_secure = is_secure
        self.is_guarded = is_guarded
        self._free = self._places = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_unused(self) -> bool:
        """Whether nobody has a place or waits for one."""
        return self._free == self._places

    def try_enter(self) -> bool:
        """Take a place if there is one."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def enter(self) -> None:
        """Wait for a place and take it."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # it was our turn in the very moment
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
