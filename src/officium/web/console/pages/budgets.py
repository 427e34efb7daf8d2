"""The pages of budgets: what may be used, who is told before it runs out, and how fast requests may come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, get_args

from fastapi import APIRouter, Request, Response

from officium.core.tenancy import ApiKey, Member
from officium.core.tenancy.caller import Caller, require
from officium.core.usage.alerts.destination import Destination, Kind, NewDestination
from officium.core.usage.budgets.balance import BudgetBalance
from officium.core.usage.budgets.service import BudgetChanges
from officium.core.usage.budgets.terms import DEFAULT_ALERTS, Terms
from officium.core.usage.ledger.budget import Period, Subject, SubjectKind, Unit
from officium.core.usage.ledger.errors import InvalidBudget
from officium.core.usage.limits import Tier
from officium.core.usage.limits.tiers import Limits
from officium.kit.errors import Conflict, InvalidRequest, OfficiumError
from officium.kit.money import nano_of_usd, usd_of_nano
from officium.web.api.budgets import BudgetService
from officium.web.console.frame import Frame, redirect
from officium.web.console.outlook import outlook
from officium.web.console.pages.subjects import KINDS, Named, Subjects

PATH = "/console/budgets"
_LISTED = 100
_UNITS: Mapping[str, Unit] = {"tokens": "tokens", "requests": "requests", "usd": "nano_usd"}
_PERIODS = get_args(Period)


class Destinations(Protocol):
    """Knows who is told of alerts."""

    async def create_destination(self, caller: Caller, kind: Kind, target: str) -> NewDestination: ...

    async def list_destinations(self, caller: Caller) -> Sequence[Destination]: ...

    async def delete_destination(self, caller: Caller, destination_id: str) -> None: ...

    async def test_destination(self, caller: Caller, destination_id: str) -> None: ...


class RateLimits(Protocol):
    """Knows how fast a tenant may ask."""

    def list_limits(self, caller: Caller) -> Mapping[Tier, Limits]: ...


class Keys(Protocol):
    """Knows the tenant's keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ApiKey]: ...


class Members(Protocol):
    """Knows the tenant's members."""

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[Member]: ...


@dataclass(frozen=True, kw_only=True)
class BudgetParts:
    """What the pages of budgets ask."""

    budgets: BudgetService
    destinations: Destinations
    clients: Named
    keys: Keys
    members: Members
    rate_limits: RateLimits


@dataclass(frozen=True)
class BudgetsPage:
    """What the routes share."""

    parts: BudgetParts
    subjects: Subjects
    frame: Frame

    async def show_all(
        self,
        request: Request,
        *,
        error: OfficiumError | None = None,
        made: NewDestination | None = None,
    ) -> Response:
        """All budgets, or those of a subject or a kind; with what came of adding a destination."""
        caller, asked = _caller(request), request.query_params
        subject, kind = _subject(asked.get("subject", "")), _kind(asked.get("kind", ""))
        counts_too = asked.get("show") == "all"
        found = await self.parts.budgets.list_budgets(
            caller,
            subject=subject,
            kind=kind,
            is_limited=None if counts_too else True,
            after=asked.get("after", "")[:64],
            limit=_LISTED,
        )
        may_change = caller.may("admin")
        return self._page(
            request,
            "budgets.html",
            error,
            groups=await self._groups(caller, found),
            binds_first=await self.parts.budgets.find_binding(caller, subject) if subject else None,
            subject=subject,
            subject_name=await self.subjects.name(caller, subject) if subject else "",
            kind=kind,
            kinds=KINDS,
            counts_too=counts_too,
            next_after=found[-1].budget.id if len(found) == _LISTED else None,
            destinations=await self.parts.destinations.list_destinations(caller) if may_change else [],
            made=made,
            said={"kind": "webhook", "target": "", **request.state.form},
            rate_limits={
                tier: [str(limit) for limit in limits]
                for tier, limits in self.parts.rate_limits.list_limits(caller).items()
            },
        )

    async def _groups(
        self, caller: Caller, found: Sequence[BudgetBalance]
    ) -> list[tuple[Subject, str, list[tuple[BudgetBalance, str]]]]:
        """The budgets of each subject together, with what to expect of each."""
        groups: dict[Subject, list[tuple[BudgetBalance, str]]] = {}
        for one in found:
            groups.setdefault(one.budget.subject, []).append((one, outlook(self.frame.say, one)))
        names = await self.subjects.names(caller, list(groups))
        return [(subject, names[subject], rows) for subject, rows in groups.items()]

    async def new(self, request: Request, error: OfficiumError | None = None) -> Response:
        """The form for a new budget."""
        caller = _caller(request)
        require(caller, "admin")
        chosen = request.query_params.get("subject", "tenant:")
        usual = {"subject": chosen, "unit": "usd", "period": "month", "limit": "", "time_zone": ""}
        alerts = ", ".join(map(str, DEFAULT_ALERTS))
        said = {**usual, "is_hard": "yes", "alert_at": alerts, **request.state.form}
        choices = await self.subjects.choices(caller)
        subject = _subject(said["subject"])
        if subject is not None and subject not in {each for _, group in choices for each, _ in group}:
            choices.append((subject.kind, [(subject, await self.subjects.name(caller, subject))]))
        return self._page(
            request, "budget_new.html", error, said=said, choices=choices, units=_UNITS, periods=_PERIODS
        )

    async def show(self, request: Request, budget_id: str, error: OfficiumError | None = None) -> Response:
        """A budget, with what went wrong in its form, if anything did."""
        caller = _caller(request)
        balance = await self.parts.budgets.get_budget(caller, budget_id)
        said = {**_as_form(balance), **(request.state.form if error is not None else {})}
        if isinstance(error, Conflict):
            said["updated_at"] = balance.budget.updated_at.isoformat()
        return self._page(
            request,
            "budget.html",
            error,
            balance=balance,
            budget=balance.budget,
            forecast=outlook(self.frame.say, balance),
            subject_name=await self.subjects.name(caller, balance.budget.subject),
            said=said,
        )

    def _page(self, request: Request, template: str, error: OfficiumError | None, **values: Any) -> Response:
        if error is not None:
            request.scope["officium.error"] = error.code
        return self.frame.page(
            request,
            template,
            status=200 if error is None else 400,
            error=error,
            faulty=error.fields.get("param") if error is not None else None,
            may_change=_caller(request).may("admin"),
            **values,
        )


def add_budgets_page(router: APIRouter, parts: BudgetParts, frame: Frame) -> None:
    """Add the pages of budgets and their forms."""
    page = BudgetsPage(parts, Subjects(parts.clients, parts.keys, parts.members, frame.say), frame)
    _add_destinations(router, page)
    _add_budgets(router, page)
    _add_changes(router, page)


def _add_destinations(router: APIRouter, page: BudgetsPage) -> None:
    destinations = page.parts.destinations

    @router.post(f"{PATH}/destinations")
    async def create(request: Request) -> Response:
        caller, form = _caller(request), request.state.form
        kind: Kind = "email" if form.get("kind") == "email" else "webhook"
        try:
            made = await destinations.create_destination(caller, kind, form.get("target", "").strip())
        except InvalidRequest as error:
            return await page.show_all(request, error=error)
        return await page.show_all(request, made=made)

    @router.post(f"{PATH}/destinations/{{id}}/test")
    async def test(request: Request, id: str) -> Response:
        caller = _caller(request)
        await destinations.test_destination(caller, id)
        found = {one.id: one for one in await destinations.list_destinations(caller)}
        return page.frame.fragment("budgets/tested.html", one=found.get(id))

    @router.post(f"{PATH}/destinations/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        await destinations.delete_destination(_caller(request), id)
        return redirect(f"{PATH}#alerts", flash="destination_deleted")


def _add_budgets(router: APIRouter, page: BudgetsPage) -> None:
    budgets = page.parts.budgets

    @router.get(PATH)
    async def list_budgets(request: Request) -> Response:
        return await page.show_all(request)

    @router.get(f"{PATH}/new")
    async def begin(request: Request) -> Response:
        return await page.new(request)

    @router.post(PATH)
    async def create(request: Request) -> Response:
        caller, form = _caller(request), request.state.form
        require(caller, "admin")
        try:
            subject, unit = _subject(form.get("subject", "")), _UNITS.get(form.get("unit", ""))
            if subject is None:
                raise InvalidBudget("Say whose budget it is.", param="subject")
            if unit is None:
                raise InvalidBudget("A budget counts tokens, requests or money.", param="unit")
            terms = Terms(**_terms(unit, form))
            period: Any = form.get("period", "")
            await budgets.create_budget(caller, subject, unit, period, terms, request_id=_request_id(request))
        except (InvalidRequest, Conflict) as error:
            return await page.new(request, error)
        return redirect(PATH, flash="budget_created")


def _add_changes(router: APIRouter, page: BudgetsPage) -> None:
    budgets = page.parts.budgets

    @router.get(f"{PATH}/{{id}}")
    async def show(request: Request, id: str) -> Response:
        return await page.show(request, id)

    @router.post(f"{PATH}/{{id}}")
    async def save(request: Request, id: str) -> Response:
        caller, form = _caller(request), request.state.form
        require(caller, "admin")
        unit = (await budgets.get_budget(caller, id)).budget.unit
        try:
            changes = BudgetChanges(
                **{name: value for name, value in _terms(unit, form).items() if value != ""}
            )
            await budgets.update_budget(
                caller,
                id,
                changes,
                expected=_moment(form.get("updated_at", "")),
                request_id=_request_id(request),
            )
        except (InvalidRequest, Conflict) as error:
            return await page.show(request, id, error)
        return redirect(f"{PATH}/{id}", flash="budget_saved")

    @router.post(f"{PATH}/{{id}}/reset")
    async def reset(request: Request, id: str) -> Response:
        await budgets.reset_budget(_caller(request), id, request_id=_request_id(request))
        return redirect(f"{PATH}/{id}", flash="budget_reset")

    @router.post(f"{PATH}/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        await budgets.delete_budget(_caller(request), id, request_id=_request_id(request))
        return redirect(PATH, flash="budget_deleted")


def _as_form(balance: BudgetBalance) -> dict[str, str]:
    budget = balance.budget
    limit = "" if budget.limit is None else f"{budget.limit:,}"
    if budget.unit == "nano_usd" and budget.limit is not None:
        whole, _, places = usd_of_nano(budget.limit).partition(".")
        limit = f"{whole}.{places.rstrip('0').ljust(2, '0')}"
    return {
        "limit": limit,
        "is_hard": "yes" if budget.is_hard else "no",
        "alert_at": ", ".join(map(str, budget.alert_at)),
        "time_zone": budget.time_zone,
        "updated_at": budget.updated_at.isoformat(),
    }


def _terms(unit: Unit, form: Mapping[str, str]) -> dict[str, Any]:
    """The terms in the form. Raises InvalidBudget."""
    zone = form.get("time_zone", "").strip()
    return {
        "limit": _limit(unit, form.get("limit", "")),
        "is_hard": form.get("is_hard") != "no",
        "alert_at": _alerts(form.get("alert_at", "")),
        **({"time_zone": zone} if zone else {}),
    }


def _limit(unit: Unit, said: str) -> int | None:
    plain = "".join(said.split()).replace(",", "").removeprefix("$")
    if not plain:
        return None
    if unit == "nano_usd":
        try:
            return nano_of_usd(plain)
        except ValueError as error:
            raise InvalidBudget(str(error), param="limit") from error
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 20):
        raise InvalidBudget(
            "A limit is a whole number, such as 50,000; leave it empty for none.", param="limit"
        )
    return int(plain)


def _alerts(said: str) -> tuple[int, ...]:
    parts = said.replace("%", " ").replace(",", " ").split()
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise InvalidBudget("Write percents with commas between them, such as 80, 100.", param="alert_at")
    return tuple(map(int, parts))


def _subject(said: str) -> Subject | None:
    """`client:7` as a subject; `None` for what names none."""
    kind, colon, id = said.partition(":")
    found = _kind(kind)
    return Subject(found, id[:128]) if colon and found is not None else None


def _kind(said: str) -> SubjectKind | None:
    return next((kind for kind in KINDS if kind == said), None)


def _moment(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said) if said else None
    except ValueError:
        raise InvalidRequest("This form is not one of ours. Open the page again.") from None


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.session.caller
    return caller


def _request_id(request: Request) -> str:
    return str(request.scope["officium.request_id"])
