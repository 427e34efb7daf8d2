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
)
from officium.core.gateway.store import PolicyStore
from officium.core.tenancy import Caller, require
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

    async def set_policy(self, caller: Caller, subject: str, allowed: Sequence[str]) -> ModelPolicy:
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
        await self._store.put_policy(caller, policy)
        self._tell(caller, "set", subject)
        return policy

    async def delete_policy(self, caller: Caller, subject: str) -> None:
        """Lift a policy. Raises PermissionDenied, InvalidModelPolicy and PolicyNotFound."""
        _check_writer(caller, subject)
        if not await self._store.delete_policy(caller, subject):
            raise PolicyNotFound(f"There is no policy about {subject!r}.", subject=subject)
        self._tell(caller, "deleted", subject)

    def _tell(self, caller: Caller, what: str, subject: str) -> None:
        self._notices.publish(MODELS_CHANGED, caller.tenant_id)
        logger.info(f"model_policy.{what}", tenant=caller.tenant_id, subject=subject, actor=caller.actor)


def _check_writer(caller: Caller, subject: str) -> None:
    require(caller, "admin")
    check_subject(subject)
    if subject == OPERATOR:
        require_operator(caller)
