"""What a tenant wants its request log to keep, and for how long."""

from typing import Literal, Protocol, get_args

import structlog
from msgspec import Struct

from officium.core.tenancy import Caller
from officium.core.usage.contents.errors import InvalidLogTerms
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError
from officium.kit.notices import Notices

Keeping = Literal["off", "failed", "all"]
"""Of which requests prompt and answer are kept: of none, of those that failed or were refused, of all."""
KEEPINGS: tuple[Keeping, ...] = get_args(Keeping)
TERMS_CHANGED = "log_terms.changed"
"""Notice: the tenant with this id wants its log kept in another way."""
TERMS_LIVE_S = 3.0
"""How long another process's change may go unnoticed where its notice is lost."""
MOST_CONTENT_DAYS = 365
MOST_LOG_DAYS = 36_500
_TENANTS_KEPT = 10_000

_log = structlog.get_logger("usage")


class LogTerms(Struct, frozen=True, kw_only=True):
    """What the log keeps of a tenant's requests.

    Contents (prompt and answer) are deleted after `content_days`; with `is_masked` e-mail addresses, phone
    numbers, cards and IBANs are taken out before they are sealed. Lines of the log are deleted after
    `log_days`; `None` keeps them.
    """

    contents: Keeping = "off"
    content_days: int = 14
    is_masked: bool = True
    log_days: int | None = None


class LogBounds(Struct, frozen=True, kw_only=True):
    """What the installation allows: whether contents may be kept, and for how many days lines at most."""

    are_contents_allowed: bool = True
    most_log_days: int | None = None

    def log_days(self, terms: LogTerms) -> int | None:
        """For how many days the lines of a tenant with these terms are kept; `None` for ever."""
        said = [days for days in (terms.log_days, self.most_log_days) if days is not None]
        return min(said, default=None)

    def content_days(self, terms: LogTerms) -> int:
        """For how many days its contents are kept: never longer than the line they belong to."""
        return min(terms.content_days, self.log_days(terms) or terms.content_days)

    def check(self, terms: LogTerms) -> None:
        """Raise InvalidLogTerms unless a tenant may have these terms here."""
        if terms.contents not in KEEPINGS:
            raise InvalidLogTerms(
                f"Contents are kept of {', '.join(KEEPINGS[:-1])} or {KEEPINGS[-1]}.", param="contents"
            )
        if terms.contents != "off" and not self.are_contents_allowed:
            raise InvalidLogTerms(
                "The operator of this installation does not allow prompts and answers to be kept.",
                param="contents",
            )
        if not 1 <= terms.content_days <= MOST_CONTENT_DAYS:
            raise InvalidLogTerms(
                f"Prompts and answers are kept for 1 to {MOST_CONTENT_DAYS} days.", param="content_days"
            )
        most = self.most_log_days or MOST_LOG_DAYS
        if terms.log_days is not None and not 1 <= terms.log_days <= most:
            raise InvalidLogTerms(f"The log is kept for 1 to {most} days here.", param="log_days")


NO_TERMS = LogTerms()
"""Those of a tenant that never said anything."""


class TermsSource(Protocol):
    """Where the terms are kept."""

    async def find_terms(self, caller: Caller) -> LogTerms | None:
        """The terms of the caller's tenant, where it has said any."""
        ...


class _Kept(Struct):
    terms: LogTerms
    expires: float


class TermsBook:
    """The tenants' terms at hand, for every call. Remembers each for a moment, and forgets what changes."""

    def __init__(self, source: TermsSource, clock: Clock, notices: Notices) -> None:
        self._source = source
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._changes = 0
        notices.subscribe(TERMS_CHANGED, self._forget)

    def peek(self, tenant_id: str) -> LogTerms | None:
        """The tenant's terms, if they are at hand."""
        kept = self._kept.get(tenant_id)
        return kept.terms if kept is not None and kept.expires > self._clock.monotonic() else None

    async def load(self, caller: Caller) -> LogTerms:
        """The terms of the caller's tenant. Never fails: while nobody can say, nothing is kept."""
        read_at, changes = self._clock.monotonic(), self._changes
        try:
            terms = await self._source.find_terms(caller) or NO_TERMS
        except OfficiumError as error:
            _log.warning("log_terms.unknown", tenant=caller.tenant_id, reason=error.code)
            return NO_TERMS
        if changes == self._changes:  # else they may have been read too early
            if len(self._kept) >= _TENANTS_KEPT:
                self._kept.clear()
            self._kept[caller.tenant_id] = _Kept(terms, read_at + TERMS_LIVE_S)
        return terms

    def _forget(self, tenant_id: str) -> None:
        self._changes += 1
        self._kept.pop(tenant_id, None)
