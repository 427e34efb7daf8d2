"""Deciding who may use which model."""

from collections.abc import Sequence

import structlog

from officium.core.gateway.errors import InvalidModelPolicy, PolicyNotFound
from officium.core.gateway.models import MODELS_CHANGED
from officium.core.gateway.policy import (
    MOST_POLICIES,
    OPERATOR,
    ModelPolicy,
    check_patterns,
    check_subject,
    policies_for,
)
from officium.core.gateway.store import PolicyStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.core.tenancy.caller import require_operator
from officium.kit.clock import Clock
from officium.kit.notices import Notices

logger = structlog.get_logger("gateway")


class PolicyService:
    """The tenants' policies. They need `admin`; what the operator allows, only the operator changes."""

    def __init__(self, store: PolicyStore, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices

    async def list_policies(self, caller: Caller) -> list[ModelPolicy]:
        """The tenant's policies, by subject. Raises PermissionDenied."""
        require(caller, "admin")
        return await self._store.list_policies(caller)

    async def list_holding(self, caller: Caller) -> list[ModelPolicy]:
        """The policies that hold for the caller itself. Needs `config:read` or `config:write`."""
        if not caller.may("config:write"):
            require(caller, "config:read")
        return list(policies_for(caller, await self._store.list_policies(caller)))

    async def set_policy(
        self, caller: Caller, subject: str, allowed: Sequence[str], *, request_id: str | None = None
    ) -> ModelPolicy:
        """Let `subject` use the models that fit one of `allowed`, and no others; none at all if it is empty.

        Raises PermissionDenied and InvalidModelPolicy.
        """
        _check_writer(caller, subject)
        policy = ModelPolicy(
            subject=subject,
            allowed=check_patterns(allowed),
            updated_at=self._clock.now(),
            updated_by=caller.actor,
        )
        others = [known for known in await self._store.list_policies(caller) if known.subject != subject]
        if len(others) >= MOST_POLICIES:
            raise InvalidModelPolicy(f"A tenant has at most {MOST_POLICIES} policies. Delete one.")
        entry = self._entry("set", subject, request_id, {"allowed": list(policy.allowed)})
        await self._store.put_policy(caller, policy, entry)
        self._tell(caller, "set", subject)
        return policy

    async def delete_policy(self, caller: Caller, subject: str, *, request_id: str | None = None) -> None:
        """Lift a policy. Raises PermissionDenied, InvalidModelPolicy and PolicyNotFound."""
        _check_writer(caller, subject)
        entry = self._entry("deleted", subject, request_id)
        if not await self._store.delete_policy(caller, subject, entry):
            raise PolicyNotFound(f"There is no policy about {subject!r}.", subject=subject)
        self._tell(caller, "deleted", subject)

    def _entry(
        self, what: str, subject: str, request_id: str | None, after: dict[str, object] | None = None
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=f"model_policy.{what}",
            thing="model_policy",
            thing_id=subject,
            after=after,
            request_id=request_id,
        )

    def _tell(self, caller: Caller, what: str, subject: str) -> None:
        self._notices.publish(MODELS_CHANGED, caller.tenant_id)
        logger.info(f"model_policy.{what}", tenant=caller.tenant_id, subject=subject, actor=caller.actor)


def _check_writer(caller: Caller, subject: str) -> None:
    require(caller, "admin")
    check_subject(subject)
    if subject == OPERATOR:
        require_operator(caller)
