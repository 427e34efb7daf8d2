"""The pages of clients: what each may use, when its credits run out, and what it used."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import available_timezones

import msgspec
from fastapi import APIRouter, Request, Response

from officium.apps.widget import Client, Limits, Widget, WidgetUsage
from officium.apps.widget.client import DEFAULT_LIMITS, MAX_NAME, MEASURES
from officium.apps.widget.credits import ClientCredits, ClientDay
from officium.apps.widget.errors import InvalidClient
from officium.core.tenancy.caller import Caller, require
from officium.core.usage.budgets.terms import MOST_LIMIT
from officium.kit.errors import Conflict, InvalidRequest, NotFound
from officium.kit.money import usd_of_nano
from officium.web.console.amounts import short_day
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.outlook import outlook
from officium.web.csv_text import Cell, csv_response

PATH = "/console/clients"
_LISTED = 50
_MOST_EXPORTED = 200
_LONGEST_SEARCH = 200
_LIMITS_FORM = tuple(MEASURES)
_CSV_HEADS = (
    "client_id",
    "client_name",
    *(f"{name}{part}" for name in MEASURES for part in ("", "_used")),
    "binds_first",
    "runs_out_at",
    "credits_exhausted",
    *("answers_llm", "answers_knowledge_base", "answers_default", "tokens_30_days", "cost_usd_30_days"),
)
_DAY_HEADS = (
    "day",
    "answers_llm",
    "answers_knowledge_base",
    "answers_default",
    "requests",
    "tokens",
    "cost_usd",
)


class Clients(Protocol):
    """Looks after clients."""

    async def get_client(self, caller: Caller, client_id: int) -> Client: ...

    async def create_client(
        self, caller: Caller, client_name: str, time_zone: str = ..., *, request_id: str | None = None
    ) -> Client: ...

    async def update_client(
        self,
        caller: Caller,
        client_id: int,
        *,
        client_name: str | None = None,
        time_zone: str | None = None,
        is_archived: bool | None = None,
        expected: datetime | None = None,
        request_id: str | None = None,
    ) -> Client: ...

    async def delete_client(
        self, caller: Caller, client_id: int, *, request_id: str | None = None
    ) -> None: ...

    async def set_client_limits(
        self, caller: Caller, client_id: int, limits: Limits, *, request_id: str | None = None
    ) -> Limits: ...

    async def reset_usage(
        self, caller: Caller, client_id: int, *, request_id: str | None = None
    ) -> Sequence[WidgetUsage]: ...

    async def list_llm_usage(self, caller: Caller, client_id: int) -> Sequence[WidgetUsage]: ...

    async def list_widgets(
        self, caller: Caller, client_id: int, *, after: int = 0, limit: int = 50
    ) -> Sequence[Widget]: ...


class Credits(Protocol):
    """Knows where clients stand."""

    async def list_credits(
        self,
        caller: Caller,
        *,
        after: int = 0,
        limit: int = 50,
        search: str = "",
        is_archived: bool | None = None,
    ) -> Sequence[ClientCredits]: ...

    async def get_credits(self, caller: Caller, client_id: int) -> ClientCredits: ...

    async def list_days(self, caller: Caller, client_id: int) -> Sequence[ClientDay]: ...


@dataclass(frozen=True)
class ClientsPage:
    """What the routes share."""

    clients: Clients
    credits: Credits
    frame: Frame

    async def show_all(self, request: Request) -> Response:
        """The clients, those in use or the archived ones."""
        caller, asked = _caller(request), request.query_params
        search, is_archived = asked.get("q", "").strip()[:_LONGEST_SEARCH], asked.get("show") == "archived"
        after = _number_in(asked.get("after", "0"))
        found = await self.credits.list_credits(
            caller, after=after, limit=_LISTED, search=search, is_archived=is_archived
        )
        return self.frame.page(
            request,
            "clients.html",
            found=[(each, self.outlook(each)) for each in found],
            search=search,
            is_archived=is_archived,
            next_after=found[-1].client.id if len(found) == _LISTED else None,
            is_first=after == 0,
            may_change=caller.may("config:write"),
        )

    async def show(
        self, request: Request, client_id: int, error: Exception | None = None, said: Any = None
    ) -> Response:
        """A client, with what went wrong in its form, if anything did."""
        caller = _caller(request)
        credits = await self.credits.get_credits(caller, client_id)
        days = await self.credits.list_days(caller, client_id)
        names = {one.id: one.name for one in await self.clients.list_widgets(caller, client_id, limit=200)}
        return self.frame.page(
            request,
            "client.html",
            status=200 if error is None else 400,
            credits=credits,
            client=credits.client,
            outlook=self.outlook(credits),
            days=days,
            chart=self.chart(credits, days),
            widgets=[
                (names.get(one.usage.widget_id, ""), one)
                for one in await self.clients.list_llm_usage(caller, client_id)
            ],
            said=_as_form(credits) | (said or {}) | _seen(credits, error),
            **self.form(request, error),
        )

    def form(self, request: Request, error: Exception | None) -> dict[str, Any]:
        """What the form of a client needs."""
        if error is not None:
            request.scope["officium.error"] = getattr(error, "code", "")
        caller = _caller(request)
        return {
            "error": error,
            "faulty": getattr(error, "fields", {}).get("param"),
            "limits": _LIMITS_FORM,
            "longest_name": MAX_NAME,
            "zones": sorted(available_timezones()),
            "may_change": caller.may("config:write"),
            "may_limit": caller.may("admin"),
        }

    def outlook(self, credits: ClientCredits) -> str:
        """When the credits run out, in a sentence."""
        spent = [one for one in credits.balances.values() if one.is_exhausted and one.budget.is_hard]
        if spent or credits.binds_first:
            return outlook(self.frame.say, spent[0] if spent else credits.balances[str(credits.binds_first)])
        return self.frame.say("outlook.unused" if credits.balances else "outlook.counts")

    def chart(self, credits: ClientCredits, days: Sequence[ClientDay]) -> str:
        """What the chart shows: tokens of each day, and what a day may have."""
        daily = credits.balances.get("daily_token_limit")
        limit = daily.budget.limit if daily else None
        told = {"kind": "bars", "colour": "accent", "label": self.frame.say("clients.tokens")}
        series: list[dict[str, Any]] = [{**told, "values": [one.tokens for one in days]}]
        if limit is not None:
            line = {"kind": "dashes", "colour": "bad", "label": self.frame.say("clients.chart.limit")}
            series.append({**line, "values": [limit] * len(days)})
        names = [short_day(one.day) for one in days]
        chart = {"label": self.frame.say("clients.day"), "days": names, "series": series}
        return msgspec.json.encode(chart).decode()


def add_clients_page(router: APIRouter, clients: Clients, credits: Credits, frame: Frame) -> None:
    """Add the pages of clients and their forms."""
    page = ClientsPage(clients, credits, frame)
    _add_pages(router, page)
    _add_changes(router, page)
    _add_exports(router, page)


def _add_pages(router: APIRouter, page: ClientsPage) -> None:
    @router.get(PATH)
    async def list_clients(request: Request) -> Response:
        return await page.show_all(request)

    @router.get(f"{PATH}/new")
    async def begin(request: Request) -> Response:
        require(_caller(request), "config:write")
        return _new(page, request)

    @router.post(PATH)
    async def create(request: Request) -> Response:
        caller, form = _caller(request), request.state.form
        require(caller, "config:write")
        try:
            limits = _limits(form) if caller.may("admin") else None
            client = await page.clients.create_client(
                caller, form.get("client_name", "").strip(), _zone(form), request_id=_request_id(request)
            )
            if limits is not None and limits != DEFAULT_LIMITS:
                await page.clients.set_client_limits(
                    caller, client.id, limits, request_id=_request_id(request)
                )
        except InvalidRequest as error:
            return _new(page, request, error)
        return redirect(f"{PATH}/{client.id}", flash="client_created")


def _add_changes(router: APIRouter, page: ClientsPage) -> None:
    @router.get(f"{PATH}/{{id}}")
    async def show(request: Request, id: str) -> Response:
        return await page.show(request, _id(id))

    @router.post(f"{PATH}/{{id}}")
    async def save(request: Request, id: str) -> Response:
        caller, form, client_id = _caller(request), request.state.form, _id(id)
        require(caller, "config:write")
        await page.clients.get_client(caller, client_id)
        try:
            limits = _limits(form) if caller.may("admin") else None
            await page.clients.update_client(
                caller,
                client_id,
                client_name=form.get("client_name", "").strip(),
                time_zone=_zone(form),
                expected=_moment(form.get("updated_at", "")),
                request_id=_request_id(request),
            )
            if limits is not None:
                await page.clients.set_client_limits(
                    caller, client_id, limits, request_id=_request_id(request)
                )
        except (InvalidRequest, Conflict) as error:
            return await page.show(request, client_id, error, dict(form))
        return redirect(f"{PATH}/{client_id}", flash="client_saved")

    @router.post(f"{PATH}/{{id}}/reset")
    async def reset(request: Request, id: str) -> Response:
        await page.clients.reset_usage(_caller(request), _id(id), request_id=_request_id(request))
        return redirect(f"{PATH}/{_id(id)}", flash="credits_reset")

    @router.post(f"{PATH}/{{id}}/archive")
    async def archive(request: Request, id: str) -> Response:
        await page.clients.update_client(
            _caller(request), _id(id), is_archived=True, request_id=_request_id(request)
        )
        return redirect(f"{PATH}/{_id(id)}", flash="client_archived")

    @router.post(f"{PATH}/{{id}}/restore")
    async def restore(request: Request, id: str) -> Response:
        await page.clients.update_client(
            _caller(request), _id(id), is_archived=False, request_id=_request_id(request)
        )
        return redirect(f"{PATH}/{_id(id)}", flash="client_restored")

    @router.post(f"{PATH}/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        await page.clients.delete_client(_caller(request), _id(id), request_id=_request_id(request))
        return redirect(PATH, flash="client_deleted")


def _add_exports(router: APIRouter, page: ClientsPage) -> None:
    @router.get(f"{PATH}/export/clients.csv")
    async def export(request: Request) -> Response:
        caller = _caller(request)
        first = await page.credits.list_credits(caller, limit=_MOST_EXPORTED)

        async def pages() -> AsyncIterator[list[list[Cell]]]:
            found = first
            while found:
                yield [_row(each) for each in found]
                last = found[-1].client.id
                found = await page.credits.list_credits(caller, after=last, limit=_MOST_EXPORTED)

        return guarded(csv_response("clients.csv", _CSV_HEADS, pages()))

    @router.get(f"{PATH}/{{id}}/usage.csv")
    async def export_days(request: Request, id: str) -> Response:
        days = await page.credits.list_days(_caller(request), _id(id))

        async def pages() -> AsyncIterator[list[list[Cell]]]:
            yield [_day_row(one) for one in days]

        return guarded(csv_response(f"client-{_id(id)}-usage.csv", _DAY_HEADS, pages()))


def _new(page: ClientsPage, request: Request, error: InvalidRequest | None = None) -> Response:
    said = {"client_name": "", "time_zone": "UTC", **_written(DEFAULT_LIMITS)}
    return page.frame.page(
        request,
        "client_new.html",
        status=200 if error is None else 400,
        said={**said, **request.state.form},
        **page.form(request, error),
    )


def _as_form(credits: ClientCredits) -> dict[str, str]:
    known = {name: one.budget.limit for name, one in credits.balances.items()}
    limits = Limits(**{name: known.get(name) for name in _LIMITS_FORM})
    client = credits.client
    return {
        "client_name": client.client_name,
        "time_zone": client.time_zone,
        "updated_at": client.updated_at.isoformat(),
        **_written(limits),
    }


def _seen(credits: ClientCredits, error: Exception | None) -> dict[str, str]:
    """Who was told that somebody else was first has seen it, and may save the form again."""
    return {"updated_at": credits.client.updated_at.isoformat()} if isinstance(error, Conflict) else {}


def _written(limits: Limits) -> dict[str, str]:
    """Limits as people write them: nothing where there is none."""
    shown = msgspec.structs.asdict(limits)
    return {name: "" if value is None else f"{value:,}" for name, value in shown.items()}


def _limits(form: Mapping[str, str]) -> Limits:
    """The limits in the form; an empty field is without limit. Raises InvalidClient."""
    found: dict[str, int | None] = {}
    for name in _LIMITS_FORM:
        plain = "".join(form.get(name, "").split()).replace(",", "")
        if plain and not (plain.isascii() and plain.isdigit() and int(plain) <= MOST_LIMIT):
            raise InvalidClient(
                "A limit is a whole number, such as 5,000; leave it empty for none.", param=name
            )
        found[name] = int(plain) if plain else None
    return Limits(**found)


def _zone(form: Mapping[str, str]) -> str:
    return form.get("time_zone", "").strip() or "UTC"


def _moment(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said) if said else None
    except ValueError:
        raise InvalidRequest("This form is not one of ours. Open the page again.") from None


def _row(credits: ClientCredits) -> list[Cell]:
    client, answers = credits.client, credits.answers
    limits: list[Cell] = []
    for name in MEASURES:
        one = credits.balances.get(name)
        limits += [one.budget.limit, one.used] if one else [None, None]
    runs_out_at = credits.runs_out_at
    return [
        client.id,
        client.client_name,
        *limits,
        credits.binds_first,
        runs_out_at.isoformat() if runs_out_at else None,
        credits.is_exhausted,
        answers.llm,
        answers.knowledge_base,
        answers.default,
        credits.tokens,
        usd_of_nano(credits.cost_nano_usd),
    ]


def _day_row(one: ClientDay) -> list[Cell]:
    answers = (one.answers.llm, one.answers.knowledge_base, one.answers.default)
    return [one.day.isoformat(), *answers, one.requests, one.tokens, usd_of_nano(one.cost_nano_usd)]


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.session.caller
    return caller


def _request_id(request: Request) -> str:
    return str(request.scope["officium.request_id"])


def _number_in(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


def _id(said: str) -> int:
    found = _number_in(said)
    if not found:
        raise NotFound("There is no such client. The address may be mistyped.")
    return found
