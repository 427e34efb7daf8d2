"""The connections of one event loop: who may have one, and when their time is up."""

import asyncio

from officium.core.llm.http1.connection import Connection, Expired
from officium.core.llm.http1.origin import Origin

_GRAIN_S = 0.002
"""Event loops keep time in milliseconds; a timer may ring this much early."""

_REST_S = 0.05
"""The shortest time between two looks at all connections."""

_LAST_WORDS_S = 1.0
"""How long closed connections may take to end."""

_NEVER = float("inf")


class Pool:
    """Every connection of a transport. One timer for all of them ends those whose deadline has passed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, places_per_origin: int) -> None:
        self.time = loop.time
        self._loop = loop
        self._places_per_origin = places_per_origin
        self._origins: dict[tuple[str, str, int, bool], Origin] = {}
        self._connections: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = _NEVER
        self._all_ended: asyncio.Future[None] | None = None

    def origin(self, scheme: str, host: str, port: int, *, is_guarded: bool = False) -> Origin:
        """The one for this scheme, host and port; guarded and trusted requests share none."""
        key = (scheme, host, port, is_guarded)
        origin = self._origins.get(key)
        if origin is None:
            origin = Origin(
                host,
                port,
                is_secure=scheme == "https",
                places=self._places_per_origin,
                is_guarded=is_guarded,
            )
            self._origins[key] = origin
            self._idle[origin] = []
        return origin

    def tidy(self) -> None:
        """Forget the origins nobody has anything to do with."""
        for key, origin in list(self._origins.items()):
            if origin.is_unused and not self._idle[origin]:
                del self._origins[key], self._idle[origin]

    def new_connection(self, origin: Origin) -> Connection:
        """One that is not connected yet."""
        return Connection(self._loop, origin, self._forget)

    def add(self, connection: Connection) -> None:
        """It is connected."""
        if not connection.is_lost:
            self._connections.add(connection)

    def find(self, origin: Origin, now: float) -> Connection | None:
        """The connection that has been without work for the shortest time, if any can be used again."""
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.is_fresh(now):
                return connection
            connection.see_off()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next request if it can carry one, else drop it."""
        if not connection.is_reusable or (patience_s := connection.patience_s) <= 0:
            connection.drop()
            return
        deadline = self.time() + patience_s
        connection.rest(deadline)
        self._idle[connection.origin].append(connection)
        if deadline < self._rings_at:
            self._set(deadline)

    def end_by(self, connection: Connection, deadline: float) -> None:
        """Let the connection end then, unless its deadline is moved before."""
        connection.deadline = deadline
        if deadline < self._rings_at:
            self._set(deadline)

    async def close(self) -> None:
        """End all connections, and give them a moment for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loop.is_closed():
            return  # they went with it
        for connection in list(self._connections):
            if connection.is_idle:
                connection.see_off()
            else:
                connection.drop()
        if self._connections:
            self._all_ended = self._loop.create_future()
            await asyncio.wait((self._all_ended,), timeout=_LAST_WORDS_S)
            for connection in self._connections:
                connection.drop()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)
        if self._all_ended is not None and not self._connections and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        now = self._loop.time() + _GRAIN_S
        self._timer = None
        self._rings_at = nearest = _NEVER
        for connection in list(self._connections):
            if connection.deadline > now:
                nearest = min(nearest, connection.deadline)
            elif connection.is_idle:
                connection.see_off()
            else:
                connection.drop(Expired())
        if nearest < _NEVER:
            self._set(max(nearest, now + _REST_S))
