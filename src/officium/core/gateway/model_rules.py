"""Letting a tenant be stricter than the operator, and never looser.

Why: docs/decisions/0044-tenants-may-be-stricter.md.
"""

from collections.abc import Sequence

import structlog

from officium.core.gateway.errors import InvalidModelRules
from officium.core.gateway.models import MODELS_CHANGED
from officium.core.gateway.store import ModelRuleStore
from officium.core.gateway.strictness import ModelRules, RulesInForce
from officium.core.llm.lifecycle import RetiredPolicy
from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.usage.prices import UnknownPrices, UnknownRule
from officium.core.usage.prices.book import PRICES_CHANGED
from officium.kit.clock import Clock
from officium.kit.notices import Notices

_log = structlog.get_logger("gateway")


class ModelRuleService:
    """Keeps the tenants' rules."""

    def __init__(
        self,
        store: ModelRuleStore,
        clock: Clock,
        notices: Notices,
        *,
        retired: RetiredPolicy = "successor",
        unknown: UnknownPrices | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self._retired = retired
        self._unknown = unknown or UnknownPrices()

    async def get_rules(self, caller: Caller) -> RulesInForce:
        """The rules of the caller's tenant. Needs `config:read` or `config:write`."""
        if not caller.may("config:write"):
            require(caller, "config:read")
        return self._in_force(await self._store.find_rules(caller) or ModelRules())

    async def set_rules(
        self,
        caller: Caller,
        retired: RetiredPolicy | None,
        unknown_price: UnknownRule | None,
        *,
        request_id: str | None = None,
    ) -> RulesInForce:
        """Replace both rules. Needs `config:write`; raises InvalidModelRules for a looser one."""
        require(caller, "config:write")
        now = self._clock.now()
        found = self._in_force(
            ModelRules(retired=retired, unknown_price=unknown_price, updated_at=now, updated_by=caller.actor)
        )
        _check("retired", retired, found.retired_choices)
        _check("unknown_price", unknown_price, found.unknown_price_choices)
        entry = AuditEntry(
            at=now,
            action="model_rules.set",
            thing="model_rules",
            thing_id=caller.tenant_id,
            after={"retired": retired, "unknown_price": unknown_price},
            request_id=request_id,
        )
        await self._store.put_rules(caller, found.own, entry)
        for notice in (MODELS_CHANGED, PRICES_CHANGED):
            self._notices.publish(notice, caller.tenant_id)
        _log.info("model_rules.set", tenant=caller.tenant_id, actor=caller.actor)
        return found

    def _in_force(self, own: ModelRules) -> RulesInForce:
        return RulesInForce(own=own, operators_retired=self._retired, operators_unknown=self._unknown)


def _check(param: str, said: str | None, choices: Sequence[str]) -> None:
    if said is not None and said not in choices:
        raise InvalidModelRules(
            f"A tenant may be stricter than the operator, not looser. Here `{param}` is "
            f"{' or '.join(choices)}, or null for what the operator says.",
            param=param,
        )
