"""What the pages of prices, names and allowed models share."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from msgspec import Struct

from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.console.frame import Frame
from officium.web.errors import status_of

ROOT = "/console/providers"
_PAGE = 100
_LONGEST_WORDS = 100
_T = TypeVar("_T")


class Colleagues(Protocol):
    """Knows what people are called."""

    async def names_of(self, caller: Caller, actors: Collection[str]) -> Mapping[str, str]: ...


class Sheet(Struct, frozen=True):
    """A page of a list that was searched: `more` is the query of the next one, `None` on the last."""

    words: str
    rows: Sequence[Any]
    more: str | None


class ModelDesk:
    """Puts together what those pages show."""

    def __init__(self, providers: Sequence[Provider], colleagues: Colleagues, frame: Frame) -> None:
        self.providers = providers
        self.colleagues = colleagues
        self.frame = frame

    def page(
        self,
        request: Request,
        template: str,
        *,
        error: OfficiumError | None = None,
        **values: Any,
    ) -> Response:
        """A page; with what went wrong, if something did."""
        if error is not None:
            request.scope["officium.error"] = error.code
        param = str(error.fields.get("param") or "") if error is not None else ""
        return self.frame.page(
            request,
            template,
            status=200 if error is None else status_of(error),
            error=error,
            faulty=param.partition("[")[0],
            zone=request.state.session.tenant.time_zone,
            providers=self.providers,
            may_change=request.state.session.caller.may("config:write"),
            may_admit=request.state.session.caller.may("admin"),
            **values,
        )

    async def who(self, caller: Caller, actors: Collection[str]) -> dict[str, str]:
        """What those are called who changed something."""
        names = await self.colleagues.names_of(caller, actors)
        return {actor: names.get(actor, actor) for actor in actors}


def sheet_of(request: Request, found: Sequence[tuple[str, _T]]) -> Sheet:
    """The rows whose name has what is searched for, as many as a page has."""
    words = request.query_params.get("q", "").strip()[:_LONGEST_WORDS]
    said = request.query_params.get("start", "0")
    start = int(said) if said.isascii() and said.isdecimal() and len(said) <= 5 else 0
    rows = [row for name, row in found if words.lower() in name.lower()]
    shown = rows[start : start + _PAGE]
    more = urlencode({"q": words, "start": start + _PAGE}) if len(rows) > start + _PAGE else None
    return Sheet(words, shown, more)


def lines_of(text: str) -> list[str]:
    """What stands in a field with a thing on each line."""
    return [line for said in text.splitlines() if (line := said.strip())]
