"""What a caller may ask of the ledger: hold, extend, settle, and look at what was booked."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from msgspec import Struct

from officium.core.tenancy import Caller, require
from officium.core.usage.ledger.budget import Amounts, Subject, Unit
from officium.core.usage.ledger.entry import Balance, LedgerEntry
from officium.core.usage.ledger.errors import BudgetNotFound, OutOfCredits
from officium.core.usage.ledger.hold import Hold, Label, Need, SpendingSource
from officium.core.usage.ledger.line import WaitingLine
from officium.core.usage.ledger.operation import (
    Answer,
    ExpireHold,
    ExtendHold,
    Granted,
    MustWait,
    PlaceHold,
    Refused,
    ReleaseHold,
    Renewal,
    RenewHolds,
    ResetCounters,
    SettleHold,
)
from officium.core.usage.ledger.period import period_of
from officium.core.usage.ledger.store import LedgerStore
from officium.core.usage.ledger.writer import LedgerWriter
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest, OfficiumError, ServiceUnavailable
from officium.kit.ids import new_id

LARGEST_PAGE = 200
MOST_RESETS = 1000
_SWEEP_S = 5.0
_RENEWED_AT_ONCE = 256
_EXPIRED_AT_ONCE = 256
_NANO = 10**9

logger = structlog.get_logger("ledger")


class _Open(Struct, eq=False):
    """A hold under way in this process, and what the database knows of it."""

    hold: Hold
    counters: str
    saved: Amounts
    expires_at: datetime


class LedgerService:
    """Sets credits aside before calls and books what they used, so that nothing is ever spent twice.

    A hold is all a call can come to. Where others hold the room it waits for them, up to `wait_s`, before
    it is granted less, or refused. A hold lives for `lifetime_s`, and is renewed every `renew_s` as long as
    this process does: when it dies, another one (or this one, later) charges what may have been spent.
    """

    def __init__(
        self,
        store: LedgerStore,
        clock: Clock,
        *,
        wait_s: float = 2.0,
        renew_s: float = 1.0,
        lifetime_s: float = 60.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wait_s = wait_s
        self._renew_s = renew_s
        self._lifetime = timedelta(seconds=lifetime_s)
        self._writer = LedgerWriter(store, self._try_waiting_again)
        self._lines: dict[str, WaitingLine] = {}
        self._open: dict[str, _Open] = {}
        self._is_stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be booked that no calls should be admitted."""
        return self._writer.is_full

    async def start(self) -> None:
        """Begin writing, renewing and sweeping, on the running loop."""
        self._writer.start()
        self._task = asyncio.create_task(self._keep(), name="ledger-keeper")

    async def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and stop. What cannot be written in `timeout_s` is logged, line by line."""
        self._is_stopping.set()
        if self._task is not None:
            # Cancelled in the middle of a query it would leave a broken connection to the pool.
            await asyncio.wait([self._task], timeout=timeout_s)
            self._task.cancel()
        for line in self._lines.values():
            line.close()
        await self._writer.close(timeout_s)
        await self._store.close()

    async def flush(self) -> None:
        """Wait until everything settled so far is written."""
        await self._writer.flush()

    async def hold(
        self, caller: Caller, subjects: Sequence[Subject], need: Need, label: Label, *, is_stream: bool
    ) -> Hold:
        """Set aside what a call may come to, on every budget of its `subjects` that has a limit.

        Settle it, whatever becomes of the call; a cancelled caller leaves nothing behind. `is_stream` says
        that `Hold.streamed` will be kept up to date. Raises OutOfCredits, and ServiceUnavailable while the
        database is away.
        """
        if self._writer.is_full:
            raise ServiceUnavailable("Calls cannot be booked, so none is made. Try again soon.")
        now, deadline = self._clock.now(), asyncio.get_running_loop().time() + self._wait_s
        operation = PlaceHold(
            id=new_id("hold"),
            tenant_id=caller.tenant_id,
            subjects=tuple(subjects),
            need=need,
            label=label,
            is_stream=is_stream,
            created_at=now,
            expires_at=now + self._lifetime,
            may_wait=self._wait_s > 0,
        )
        line = self._lines.get(caller.tenant_id)
        blocked_by = line.blocked_by(operation.subjects) if line else ()
        if not blocked_by:
            answer = await self._answer(operation, self._writer.submit(operation))
            if isinstance(answer, MustWait):
                blocked_by = answer.subjects
        if blocked_by:
            waiting = self._line_of(caller.tenant_id).join(operation, blocked_by, deadline)
            answer = await self._answer(operation, waiting)
        if isinstance(answer, Refused):
            raise _out_of_credits(answer)
        assert isinstance(answer, Granted)
        return self._opened(operation, answer)

    async def extend(self, hold: Hold, by: Amounts) -> bool:
        """Set more aside for a call under way: all of `by`, or nothing. Whether there was room.

        There is none in a hold that has expired, and none to be had while the database is away.
        """
        try:
            is_extended: bool = await self._writer.submit(
                ExtendHold(hold_id=hold.id, tenant_id=hold.tenant_id, by=by)
            )
        except ServiceUnavailable:
            return False
        if is_extended:
            hold.granted = Amounts(
                tokens=hold.granted.tokens + by.tokens,
                requests=hold.granted.requests + by.requests,
                nano_usd=hold.granted.nano_usd + by.nano_usd,
            )
        return is_extended

    def settle(self, hold: Hold, spent: Amounts, source: SpendingSource) -> None:
        """Book what a call used and let go of the rest. Never waits and never raises.

        The second time does nothing. While the database is away it is kept, and written later.
        """
        known = self._open.pop(hold.id, None)
        self._writer.post(
            SettleHold(
                hold_id=hold.id,
                tenant_id=hold.tenant_id,
                spent=spent,
                source=source,
                label=hold.label,
                counters=known.counters if known is not None else None,
                settled_at=self._clock.now(),
            )
        )

    async def renew(self) -> None:
        """Save what open calls have streamed, and keep their holds alive."""
        now = self._clock.now()
        expires_at, due = now + self._lifetime, now + self._lifetime / 2
        changed = [
            one for one in self._open.values() if one.hold.streamed != one.saved or one.expires_at < due
        ]
        for start in range(0, len(changed), _RENEWED_AT_ONCE):
            some = [one for one in changed[start : start + _RENEWED_AT_ONCE] if one.hold.id in self._open]
            streamed = [one.hold.streamed for one in some]
            renewals = tuple(
                Renewal(one.hold.id, amounts, expires_at) for one, amounts in zip(some, streamed, strict=True)
            )
            await self._writer.submit(RenewHolds(renewals=renewals))
            for one, amounts in zip(some, streamed, strict=True):
                one.saved, one.expires_at = amounts, expires_at

    async def expire_overdue(self) -> int:
        """Charge what abandoned holds may have spent; how many there were. Raises ServiceUnavailable.

        Any number of processes may do so at once.
        """
        expired: int = 0
        while True:
            now = self._clock.now()
            overdue = await self._store.list_overdue_for_all_tenants(now, _EXPIRED_AT_ONCE)
            attempts = [
                self._writer.submit(ExpireHold(hold_id=hold_id, tenant_id=tenant_id, now=now))
                for hold_id, tenant_id in overdue
                if hold_id not in self._open
            ]
            done: int = sum(await asyncio.gather(*attempts))
            expired += done
            self._try_waiting_again({tenant_id for _, tenant_id in overdue})
            if not done or len(overdue) < _EXPIRED_AT_ONCE:
                break
        if expired:
            logger.warning("holds.expired", count=expired)
        return expired

    async def reset(self, caller: Caller, budget_ids: Sequence[str]) -> None:
        """Take back to nothing what was used of budgets in their running periods. Needs `admin`.

        What is held for calls under way stays. Raises BudgetNotFound, InvalidRequest, ServiceUnavailable.
        """
        require(caller, "admin")
        wanted = list(dict.fromkeys(budget_ids))
        if len(wanted) > MOST_RESETS:
            raise InvalidRequest(f"At most {MOST_RESETS} budgets are reset at once.", param="budget_ids")
        found = await self._store.find_budgets(caller, wanted)
        if missing := sorted(set(wanted) - {budget.id for budget in found}):
            raise BudgetNotFound(
                f"There is no budget {missing[0]!r}. List the budgets to see which there are."
            )
        now = self._clock.now()
        await self._writer.submit(
            ResetCounters(
                id=new_id("reset"),
                tenant_id=caller.tenant_id,
                keys=tuple(
                    (budget.id, period_of(budget.period, budget.time_zone, now).key) for budget in found
                ),
                units=tuple(budget.unit for budget in found),
                actor=caller.actor,
                reset_at=now,
            )
        )
        self._try_waiting_again({caller.tenant_id})

    async def balances(self, caller: Caller, subject: Subject) -> list[Balance]:
        """Where the budgets of `subject` stand in their running periods. Needs `usage:read`."""
        require(caller, "usage:read")
        return await self._store.read_balances(caller, subject, self._clock.now())

    async def list_entries(
        self, caller: Caller, before: int | None = None, limit: int = 50
    ) -> list[LedgerEntry]:
        """A page of the tenant's entries, newest first. Needs `usage:read`; raises InvalidRequest.

        `before` asks for those older than the entry with this id.
        """
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
        return await self._store.list_entries(caller, before, limit)

    async def _answer(self, operation: PlaceHold, future: "asyncio.Future[Answer]") -> Answer:
        """Await an answer; if we are cancelled when it is there already, give the hold back."""
        try:
            return await future
        except asyncio.CancelledError:
            is_answered = future.done() and not future.cancelled() and future.exception() is None
            if is_answered and isinstance(future.result(), Granted):
                self._release(operation)
            raise

    def _opened(self, operation: PlaceHold, granted: Granted) -> Hold:
        hold = Hold(
            id=operation.id,
            tenant_id=operation.tenant_id,
            subjects=operation.subjects,
            label=operation.label,
            granted=granted.amounts,
            output_tokens=granted.output_tokens,
            is_shrunk=granted.output_tokens < operation.need.output_tokens,
            is_limited=granted.is_limited,
            created_at=operation.created_at,
        )
        self._open[hold.id] = _Open(hold, granted.counters, hold.streamed, operation.expires_at)
        return hold

    def _release(self, operation: PlaceHold) -> None:
        self._writer.post(ReleaseHold(hold_id=operation.id, tenant_id=operation.tenant_id))

    def _line_of(self, tenant_id: str) -> WaitingLine:
        line = self._lines.get(tenant_id)
        if line is None:
            line = WaitingLine(self._writer.submit, self._release, self._clock)
            self._lines[tenant_id] = line
        return line

    def _try_waiting_again(self, tenants: set[str]) -> None:
        if self._lines:
            for tenant_id in tenants & self._lines.keys():
                self._lines[tenant_id].try_again()

    async def _keep(self) -> None:
        """Renew our holds, and look for those of processes that died; renewing comes first."""
        sweep_at = 0.0
        while not self._is_stopping.is_set():
            try:
                await self.renew()
                if time.monotonic() >= sweep_at:
                    await self.expire_overdue()
                    sweep_at = time.monotonic() + _SWEEP_S
                    self._lines = {tenant: line for tenant, line in self._lines.items() if line}
            except OfficiumError as error:
                logger.warning("holds.not_kept", reason=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_stopping.wait(), self._renew_s)


def _said(amount: int, unit: Unit) -> str:
    """An amount as people read it: `5,000`, or `$0.0125`."""
    if unit == "nano_usd":
        return f"${Decimal(amount) / _NANO:,.4f}"
    return f"{amount:,}"


def _out_of_credits(refused: Refused) -> OutOfCredits:
    kind, who = refused.subject.kind, refused.subject.id
    name = "tenant" if kind == "tenant" else f"{kind} {who}"
    what = {"tokens": "tokens", "requests": "requests", "nano_usd": "money"}[refused.unit]
    period = {"day": "today", "month": "this month", "total": "in total"}[refused.period]
    held = "" if refused.is_exhausted else " Other calls hold the rest."
    used, limit, need = (
        _said(amount, refused.unit) for amount in (refused.used, refused.limit, refused.need)
    )
    advice = "Raise the budget."
    if refused.resets_at is not None:
        advice = f"Raise the budget, or wait until {refused.resets_at:%Y-%m-%d %H:%M} UTC."
    return OutOfCredits(
        f"The {name} has no {what} left {period} for this call: {used} of {limit} are used, "
        f"and it may need {need}.{held} {advice}",
        budget=refused.budget_id,
        limit=refused.limit,
        used=refused.used,
        held=refused.held,
        need=refused.need,
        resets_at=refused.resets_at,
    )
