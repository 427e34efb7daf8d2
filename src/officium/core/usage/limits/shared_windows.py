"""Windows in Redis, shared by all processes; and what is done while Redis is away."""

import asyncio
import hashlib
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Literal, cast

import structlog

from officium.core.llm.breaker import CircuitBreaker
from officium.core.usage.limits.errors import LimiterUnavailable
from officium.core.usage.limits.rate_limit import WindowState
from officium.core.usage.limits.windows import GRAINS, MICRO, LocalWindows, Wanted
from officium.kit.clock import Clock, SystemClock

if TYPE_CHECKING:
    from redis.asyncio import Redis

OnLoss = Literal["local", "open", "closed"]
"""While Redis is away: count in this process, let everything pass, or refuse everything."""

TIMEOUT_S = 0.1
_FAILURES_TO_LEAVE = 3
_PAUSE_S = 1.0

_SCRIPT = """
-- ARGV: what is counted, whether in any case (1) or only if there is room in all (0), and for each key the
-- most there may be and its window in microseconds. A window is a hash: `used`, `head` and `tail`, and a
-- grain "came goes count" for each number from head to tail. Answers, for each key, with what is used, and
-- the microseconds until the oldest goes and until there is room.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, is_forced = tonumber(ARGV[1]), ARGV[2] == '1'
local need = math.max(cost, 1)
local function number(value) return string.format('%.0f', value) end
local function grain(key, index)
  local came, goes, count = string.match(redis.call('HGET', key, index), '(%d+) (%d+) (%d+)')
  return tonumber(came), tonumber(goes), tonumber(count)
end
local windows, has_room = {}, true
for i, key in ipairs(KEYS) do
  local most, length = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local said = redis.call('HMGET', key, 'used', 'head', 'tail')
  local w = {used = tonumber(said[1]) or 0, head = tonumber(said[2]) or 1, tail = tonumber(said[3]) or 0,
             most = most, length = length, room = 0}
  while w.head <= w.tail do
    local _, goes, count = grain(key, w.head)
    if goes > now then break end
    w.used = w.used - count
    redis.call('HDEL', key, w.head)
    w.head = w.head + 1
  end
  local left, index = w.used, w.head
  while left + need > most and index <= w.tail do
    local _, goes, count = grain(key, index)
    left, w.room, index = left - count, goes - now, index + 1
  end
  if left + need > most and w.room == 0 then w.room = length end
  if w.room > 0 then has_room = false end
  windows[i] = w
end
local answer = {}
for i, key in ipairs(KEYS) do
  local w = windows[i]
  if cost > 0 and (has_room or is_forced) then
    local came, _, count = nil, nil, 0
    if w.tail >= w.head then came, _, count = grain(key, w.tail) end
    if came == nil or w.most <= GRAINS or now - came >= w.length / GRAINS then
      w.tail, came, count = w.tail + 1, now, 0
    end
    local words = number(came) .. ' ' .. number(now + w.length) .. ' ' .. number(count + cost)
    redis.call('HSET', key, w.tail, words)
    redis.call('PEXPIRE', key, math.ceil(w.length / 1000))
    w.used = w.used + cost
  end
  if w.tail >= w.head then
    redis.call('HSET', key, 'used', number(w.used), 'head', w.head, 'tail', w.tail)
    local _, goes = grain(key, w.head)
    w.oldest = goes - now
  else
    redis.call('DEL', key)
    w.oldest = 0
  end
  answer[i] = {w.used, w.oldest, w.room}
end
return answer
""".replace("GRAINS", str(GRAINS))

_log = structlog.get_logger("limits")


class SharedWindows:
    """Windows in Redis by the clock of its server, so that all processes count together.

    A check waits for Redis no longer than `timeout_s`. After a few failures in a row Redis is left alone for
    a second at a time, with one check to try it again after each, so a dead Redis does not cost each request.
    Meanwhile `on_loss` decides. Who is counted stands there as a digest: it may be somebody's address.
    """

    def __init__(
        self,
        redis: "Redis",
        clock: Clock | None = None,
        *,
        on_loss: OnLoss = "local",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        clock = clock or SystemClock()
        self._script = redis.register_script(_SCRIPT)
        self._local = LocalWindows(clock)
        self._on_loss = on_loss
        self._timeout_s = timeout_s
        self._breaker = CircuitBreaker(clock, _FAILURES_TO_LEAVE, _PAUSE_S)
        self._is_away = False
        self._late: set[asyncio.Task[Any]] = set()

    async def take(self, wanted: Wanted, cost: int = 1) -> list[WindowState]:
        """As WindowStore says."""
        answer = await self._ask(wanted, cost, is_forced=False)
        if answer is None:
            return await self._take_without(wanted, cost)
        return [WindowState(used, oldest / MICRO, room / MICRO) for used, oldest, room in answer]

    async def add(self, wanted: Wanted, cost: int) -> None:
        """As WindowStore says."""
        if await self._ask(wanted, cost, is_forced=True) is None and self._on_loss == "local":
            await self._local.add(wanted, cost)

    async def close(self) -> None:
        """Give up what is still asked of Redis."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _take_without(self, wanted: Wanted, cost: int) -> list[WindowState]:
        if self._on_loss == "local":
            return await self._local.take(wanted, cost)
        if self._on_loss == "open":
            return [WindowState(0, 0.0, 0.0) for _ in wanted]
        raise LimiterUnavailable(
            "Requests cannot be counted at the moment, so none is let in. Try again in a moment.",
            retry_after_s=_PAUSE_S,
        )

    async def _ask(self, wanted: Wanted, cost: int, *, is_forced: bool) -> list[tuple[int, int, int]] | None:
        """What Redis answers, or `None` while it is away."""
        ticket = self._breaker.admit()
        if ticket is None:
            return None
        keys = [prefix + _digest(key) for prefix, key, _ in wanted]
        args = [cost, int(is_forced)]
        for _, _, limit in wanted:
            args += (limit.max, round(limit.window_s * MICRO))
        try:
            answer = await self._in_time(self._script(keys=keys, args=args))
        except BaseException as error:
            if not _is_loss(error):
                self._breaker.abandoned(ticket)
                raise
            self._breaker.failed(ticket)
            self._note_loss(error)
            return None
        self._breaker.succeeded(ticket)
        if self._is_away:
            self._is_away = False
            _log.info("limits.redis_back")
        return cast("list[tuple[int, int, int]]", answer)

    async def _in_time(self, asking: Awaitable[Any]) -> Any:
        """The answer, if it comes in time; else raises TimeoutError.

        A late one is not cancelled: that would cost the connection, and where connecting takes longer than we
        wait there would never be one.
        """
        task = asyncio.ensure_future(asking)
        self._late.add(task)
        task.add_done_callback(self._let_go)
        done, _ = await asyncio.wait((task,), timeout=self._timeout_s)
        if not done:
            raise TimeoutError
        return task.result()

    def _let_go(self, task: "asyncio.Task[Any]") -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()

    def _note_loss(self, error: BaseException) -> None:
        if not self._is_away:
            self._is_away = True
            _log.warning("limits.redis_away", error=type(error).__name__, meanwhile=self._on_loss)


def _is_loss(error: BaseException) -> bool:
    from redis.exceptions import RedisError

    return isinstance(error, RedisError | OSError | TimeoutError)


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
