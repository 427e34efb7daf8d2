"""Which rate limit each route's requests count in, and the gate they pass before they are read."""

from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Literal, Protocol

from officium.core.tenancy.caller import Caller
from officium.core.usage.limits import RateLimited, RateLimitState, Tier
from officium.web.exchange import Header

TIERS: dict[tuple[str, str], Tier | Literal["exempt"]] = {
    ("POST", "/v1/chat/completions"): "gateway",
    ("POST", "/v1/responses"): "gateway",
    ("POST", "/v1/messages"): "gateway",
    ("POST", "/v1/messages/count_tokens"): "gateway",
    ("POST", "/v1/embeddings"): "gateway",
    ("GET", "/v1/models"): "gateway",
    ("GET", "/v1/models/{id}"): "gateway",
    ("GET", "/api/usage/calls"): "general",
    ("GET", "/api/usage/calls.csv"): "strict",
    ("GET", "/api/usage/summary"): "general",
    ("GET", "/api/usage/summary.csv"): "general",
    ("GET", "/api/usage/providers"): "general",
    ("GET", "/api/usage/tokens-by-tenant"): "general",
    ("GET", "/api/audit-log"): "general",
    ("GET", "/api/model-aliases"): "general",
    ("PUT", "/api/model-aliases/{name}"): "strict",
    ("DELETE", "/api/model-aliases/{name}"): "strict",
    ("GET", "/api/models"): "general",
    ("GET", "/api/prices"): "general",
    ("PUT", "/api/prices/{provider}/{model}"): "strict",
    ("DELETE", "/api/prices/{provider}/{model}"): "strict",
    ("GET", "/api/prompts"): "general",
    ("GET", "/api/prompts/{name}"): "general",
    ("GET", "/api/prompts/{name}/versions"): "general",
    ("POST", "/api/prompts/{name}/versions"): "strict",
    ("PUT", "/api/prompts/{name}/labels/{label}"): "strict",
    ("DELETE", "/api/prompts/{name}/labels/{label}"): "strict",
    ("GET", "/api/prompts/{name}/label-moves"): "general",
    ("POST", "/api/prompts/{name}/preview"): "general",
    ("GET", "/api/prompts/{name}/diff"): "general",
    ("GET", "/api/llm-config"): "general",
    ("POST", "/api/llm-config"): "strict",
    ("GET", "/api/llm-config/default"): "general",
    ("GET", "/api/llm-config/{id}"): "general",
    ("PUT", "/api/llm-config/{id}"): "strict",
    ("DELETE", "/api/llm-config/{id}"): "strict",
    ("GET", "/api/llm-config/{id}/versions"): "general",
    ("POST", "/api/llm-config/{id}/health-check"): "general",
    ("POST", "/config/refresh"): "general",
    ("GET", "/api/model-policies"): "general",
    ("PUT", "/api/model-policies/{subject}"): "strict",
    ("DELETE", "/api/model-policies/{subject}"): "strict",
    ("GET", "/api/budgets"): "general",
    ("POST", "/api/budgets"): "strict",
    ("GET", "/api/budgets/{id}"): "general",
    ("PUT", "/api/budgets/{id}"): "strict",
    ("DELETE", "/api/budgets/{id}"): "strict",
    ("POST", "/api/budgets/{id}/reset"): "strict",
    ("GET", "/api/ledger/entries"): "general",
    ("GET", "/api/alert-destinations"): "general",
    ("POST", "/api/alert-destinations"): "strict",
    ("DELETE", "/api/alert-destinations/{id}"): "strict",
    ("POST", "/api/alert-destinations/{id}/test"): "general",
    ("GET", "/api/chat-widget/clients"): "general",
    ("POST", "/api/chat-widget/clients"): "general",
    ("GET", "/api/chat-widget/clients/{clientId}"): "general",
    ("PUT", "/api/chat-widget/clients/{clientId}"): "general",
    ("DELETE", "/api/chat-widget/clients/{clientId}"): "general",
    ("PUT", "/api/chat-widget/clients/{clientId}/limits"): "general",
    ("POST", "/api/chat-widget/clients/{clientId}/reset-usage"): "general",
    ("GET", "/api/chat-widget/clients/{clientId}/llm-usage"): "general",
    ("GET", "/api/chat-widget/clients/{clientId}/widgets"): "general",
    ("POST", "/api/chat-widget/clients/{clientId}/widgets"): "general",
    ("GET", "/api/chat-widget/widgets/{widgetId}"): "general",
    ("PUT", "/api/chat-widget/widgets/{widgetId}"): "general",
    ("DELETE", "/api/chat-widget/widgets/{widgetId}"): "general",
    ("PUT", "/api/chat-widget/widgets/{widgetId}/limits"): "general",
    ("GET", "/api/chat-widget/widgets/{widgetId}/llm-analytics"): "general",
    ("GET", "/api/business-context"): "general",
    ("GET", "/api/business-context/profile"): "general",
    ("PUT", "/api/business-context/profile"): "general",
    ("GET", "/api/business-context/snapshots"): "general",
    ("POST", "/api/business-context/snapshots"): "general",
    ("POST", "/api/business-context/snapshots/import"): "general",
    ("GET", "/api/business-context/insights"): "general",
    ("POST", "/api/business-context/insights"): "general",
    ("DELETE", "/api/business-context/insights"): "general",
    ("GET", "/providers"): "general",
    ("GET", "/health"): "exempt",
    ("HEAD", "/health"): "exempt",
    ("GET", "/health/ready"): "exempt",
    ("HEAD", "/health/ready"): "exempt",
    ("GET", "/metrics"): "exempt",
    ("GET", "/docs"): "exempt",
    ("GET", "/docs/start.js"): "exempt",
    ("GET", "/docs/{name}"): "exempt",
    ("GET", "/openapi.json"): "exempt",
    ("HEAD", "/openapi.json"): "exempt",
}
"""Every route stands here once. Strict is what changes much or for long: writing configuration, renewing
keys, deleting or exporting in bulk, publishing prompts or rules. Exempt is what asks for nobody's name.
Single clients and widgets are everyday work, of which an agency does more than five pieces an hour."""

HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")
"""What limited answers carry, as the drafts of the IETF's HTTPAPI group name it."""

BeforeWaiting = Callable[[], Awaitable[None]]


class Limiter(Protocol):
    """Knows how fast each tenant may ask."""

    def is_limited(self, tier: Tier) -> bool: ...

    async def admit(
        self, caller: Caller, tier: Tier, before_waiting: BeforeWaiting | None = None
    ) -> RateLimitState | None: ...


class Gate:
    """What the requests of a limited route pass before anything of them is read."""

    def __init__(self, limiter: Limiter, tier: Tier) -> None:
        self._limiter = limiter
        self._tier: Tier = tier

    async def admit(
        self,
        caller: Caller,
        announce: Callable[[Sequence[Header]], None],
        before_waiting: BeforeWaiting | None = None,
    ) -> None:
        """Count the request; `announce` is given the headers of its answer. Raises RateLimited.

        Where requests may wait in line and this one has to, `before_waiting` is called first; without it the
        request is refused instead.
        """
        try:
            state = await self._limiter.admit(caller, self._tier, before_waiting)
        except RateLimited as error:
            announce(limit_headers(error.state))
            raise
        if state is not None:
            announce(limit_headers(state))


class Gates:
    """The gates of all routes; what is not limited has none, and costs nothing."""

    def __init__(self, limiter: Limiter) -> None:
        self._gates: dict[Tier, Gate] = {
            tier: Gate(limiter, tier)
            for tier in ("chat", "general", "strict", "gateway")
            if limiter.is_limited(tier)
        }

    def find(self, method: str, route: str) -> Gate | None:
        """The gate of a route, by its template."""
        tier = TIERS.get((method, route.replace(":path}", "}")), "general")
        return None if tier == "exempt" else self._gates.get(tier)


def limit_headers(state: RateLimitState) -> list[Header]:
    """What is left, for programs that wish to slow down in time."""
    return [
        (b"ratelimit-limit", b"%d" % state.limit),
        (b"ratelimit-remaining", b"%d" % state.remaining),
        (b"ratelimit-reset", b"%d" % ceil(state.reset_after_s)),
        (b"ratelimit-policy", b"%d;w=%d" % (state.limit, ceil(state.window_s))),
    ]
