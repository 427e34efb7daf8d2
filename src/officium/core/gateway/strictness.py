"""Where a tenant is stricter than the operator: with retired models, and with prices nobody knows."""

from datetime import datetime

from msgspec import Struct

from officium.core.llm.lifecycle import RETIRED_POLICIES, RetiredPolicy, stricter_policy
from officium.core.usage.prices import UNKNOWN_RULES, UnknownPrices, UnknownRule


class ModelRules(Struct, frozen=True, kw_only=True):
    """What a tenant wants; `None` is what the operator says."""

    retired: RetiredPolicy | None = None
    unknown_price: UnknownRule | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None


class RulesInForce(Struct, frozen=True, kw_only=True):
    """What the operator says, what the tenant wants, and what holds: the stricter of both."""

    own: ModelRules
    operators_retired: RetiredPolicy
    operators_unknown: UnknownPrices

    @property
    def retired(self) -> RetiredPolicy:
        """What becomes of a request for a retired model."""
        return stricter_policy(self.operators_retired, self.own.retired)

    @property
    def unknown_price(self) -> UnknownRule:
        """What becomes of a call whose price nobody knows."""
        return self.operators_unknown.with_tenants(self.own.unknown_price).rule

    @property
    def retired_choices(self) -> tuple[RetiredPolicy, ...]:
        """What the tenant may choose."""
        return RETIRED_POLICIES[RETIRED_POLICIES.index(self.operators_retired) :]

    @property
    def unknown_price_choices(self) -> tuple[UnknownRule, ...]:
        """What the tenant may choose."""
        return UNKNOWN_RULES[UNKNOWN_RULES.index(self.operators_unknown.rule) :]
