"""What may be asked about clients' credits."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from officium.apps.widget.client import Client, client_subject
from officium.apps.widget.credits.credits import AnswerCounts, ClientCredits, ClientDay, limits_of
from officium.apps.widget.service import ClientService
from officium.core.tenancy import Caller, require
from officium.core.usage.budgets import BudgetBalance, BudgetService
from officium.core.usage.reports import ReportService, UsageSums
from officium.core.usage.reports.service import LARGEST_REPORT, Days
from officium.kit.clock import Clock

CREDIT_DAYS = 30


class AnswerLog(Protocol):
    """Knows where answers came from."""

    async def count_answers(
        self, caller: Caller, client_ids: Sequence[int], since: date
    ) -> Mapping[int, AnswerCounts]: ...

    async def list_days(self, caller: Caller, client_id: int, since: date) -> Mapping[date, AnswerCounts]: ...


class CreditService:
    """Where clients stand. Needs `usage:read`, and what reading clients needs."""

    def __init__(
        self,
        clients: ClientService,
        answers: AnswerLog,
        budgets: BudgetService,
        reports: ReportService,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._answers = answers
        self._budgets = budgets
        self._reports = reports
        self._clock = clock

    async def list_credits(
        self,
        caller: Caller,
        *,
        after: int = 0,
        limit: int = 50,
        search: str = "",
        is_archived: bool | None = None,
    ) -> list[ClientCredits]:
        """A page of clients, as `ClientService.list_clients` gives them, each with its credits."""
        require(caller, "usage:read")
        found = await self._clients.list_clients(
            caller, after=after, limit=limit, search=search, is_archived=is_archived
        )
        return await self._credits_of(caller, found)

    async def get_credits(self, caller: Caller, client_id: int) -> ClientCredits:
        """Where a client stands. Raises ClientNotFound."""
        require(caller, "usage:read")
        client = await self._clients.get_client(caller, client_id)
        return (await self._credits_of(caller, [client]))[0]

    async def list_days(self, caller: Caller, client_id: int, days: int = CREDIT_DAYS) -> list[ClientDay]:
        """What a client used on each of the last `days`, first day first. Raises ClientNotFound."""
        require(caller, "usage:read")
        client = await self._clients.get_client(caller, client_id)
        today = self._clock.now().astimezone(ZoneInfo(client.time_zone)).date()
        first = today - timedelta(days=days - 1)
        answers = await self._answers.list_days(caller, client_id, first)
        report = await self._reports.summarize(
            caller, "day", Days(first, today), limit=days, client_id=client_id, time_zone=client.time_zone
        )
        return [_day(date.fromisoformat(str(row.key)), row, answers) for row in report.rows]

    async def _credits_of(self, caller: Caller, clients: Sequence[Client]) -> list[ClientCredits]:
        if not clients:
            return []
        now = self._clock.now()
        since = now.date() - timedelta(days=CREDIT_DAYS - 1)
        ids = [client.id for client in clients]
        answers = await self._answers.count_answers(caller, ids, since)
        only = ids[0] if len(ids) == 1 else None
        report = await self._reports.summarize(
            caller, "client", Days(since, now.date()), limit=LARGEST_REPORT, client_id=only, time_zone="UTC"
        )
        used = {row.key: row for row in report.rows}
        balances: dict[str, list[BudgetBalance]] = {}
        for one in await self._budgets.list_balances(caller, [client_subject(id) for id in ids]):
            balances.setdefault(one.budget.subject.id, []).append(one)
        return [
            _credits(
                client,
                limits_of(balances.get(client.subject.id, []), now),
                answers.get(client.id),
                used.get(client.id),
            )
            for client in clients
        ]


def _credits(
    client: Client,
    limits: tuple[Mapping[str, BudgetBalance], str | None],
    answers: AnswerCounts | None,
    used: UsageSums | None,
) -> ClientCredits:
    return ClientCredits(
        client=client,
        balances=limits[0],
        binds_first=limits[1],
        answers=answers or AnswerCounts(),
        tokens=used.total_tokens if used else 0,
        cost_nano_usd=used.cost_nano_usd if used else 0,
        has_unknown_cost=bool(used and used.attempts_without_cost),
    )


def _day(day: date, used: UsageSums, answers: Mapping[date, AnswerCounts]) -> ClientDay:
    return ClientDay(
        day=day,
        answers=answers.get(day, AnswerCounts()),
        requests=used.requests,
        tokens=used.total_tokens,
        cost_nano_usd=used.cost_nano_usd,
        has_unknown_cost=used.attempts_without_cost > 0,
    )
