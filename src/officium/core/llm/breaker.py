"""Leaving a broken deployment alone for a while, so that its callers fail fast or go elsewhere."""

from typing import Literal

from officium.core.llm.deployment import Deployment
from officium.kit.clock import Clock, SystemClock

State = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Opens after some failures in a row, and lets one call try again when the cooldown is over.

    A caller asks `admit` for a ticket and reports once, with that ticket, how the call went. Reports on
    calls admitted before the last change of state say nothing about the new one and are passed over.
    """

    __slots__ = (
        "_clock",
        "_failures",
        "_failures_to_open",
        "_is_probing",
        "_period",
        "_probe_from",
        "cooldown_s",
    )

    def __init__(self, clock: Clock, failures_to_open: int = 5, cooldown_s: float = 30.0) -> None:
        self.cooldown_s = cooldown_s
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._failures = 0
        self._probe_from: float | None = None
        self._is_probing = False
        self._period = 0

    @property
    def state(self) -> State:
        """`half_open` from the end of the cooldown until a probe has told how things are."""
        if self._probe_from is None:
            return "closed"
        return "open" if self._clock.monotonic() < self._probe_from else "half_open"

    @property
    def is_refusing(self) -> bool:
        """Whether `admit` would say no at this moment."""
        return self._probe_from is not None and (self._is_probing or self.state == "open")

    @property
    def wait_s(self) -> float:
        """Seconds until a probe may be made; 0 where nothing is in the way of one."""
        if self._probe_from is None:
            return 0.0
        return max(0.0, self._probe_from - self._clock.monotonic())

    def admit(self) -> int | None:
        """A ticket for one call, or `None` if it must not be made. While half open, only one is out."""
        if self._probe_from is not None:
            if self.is_refusing:
                return None
            self._is_probing = True
        return self._period

    def succeeded(self, ticket: int) -> None:
        """The call went well."""
        if ticket == self._period:
            self._failures = 0
            self._close()

    def answered(self, ticket: int) -> None:
        """The provider answers, whatever it says: a probe has passed, but no failure is forgotten."""
        if ticket == self._period:
            self._close()

    def failed(self, ticket: int) -> None:
        """The provider could not be reached, broke down or spoke nonsense."""
        if ticket != self._period:
            return
        self._failures += 1
        if self._is_probing or self._failures >= self._failures_to_open:
            self._probe_from = self._clock.monotonic() + self.cooldown_s
            self._is_probing = False
            self._period += 1

    def abandoned(self, ticket: int) -> None:
        """The call was given up before anything could be said of the provider."""
        if ticket == self._period:
            self._is_probing = False

    def _close(self) -> None:
        if self._probe_from is not None:
            self._probe_from = None
            self._is_probing = False
            self._failures = 0
            self._period += 1


DeploymentKey = tuple[str, str, str | None]


def deployment_key(deployment: Deployment) -> DeploymentKey:
    """What tells deployments apart: two tenants' own endpoints may share a name. Holds the credential."""
    return deployment.name, deployment.base_url, deployment.api_key


class Breakers:
    """The circuit breaker of each deployment.

    Deployments that share a name but not an address or a credential have breakers of their own, so nobody
    can shut a provider for anybody else.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        failures_to_open: int = 5,
        cooldown_s: float = 30.0,
        limit: int = 4096,
    ) -> None:
        self._clock = clock or SystemClock()
        self._failures_to_open = failures_to_open
        self._cooldown_s = cooldown_s
        self._limit = limit
        self._breakers: dict[DeploymentKey, CircuitBreaker] = {}

    def get(self, deployment: Deployment) -> CircuitBreaker:
        """The deployment's breaker. Past the limit the oldest closed one is forgotten."""
        key = deployment_key(deployment)
        breaker = self._breakers.get(key)
        if breaker is None:
            self._make_room()
            breaker = CircuitBreaker(self._clock, self._failures_to_open, self._cooldown_s)
            self._breakers[key] = breaker
        return breaker

    def __len__(self) -> int:
        return len(self._breakers)

    def _make_room(self) -> None:
        if len(self._breakers) >= self._limit:
            closed = (key for key, breaker in self._breakers.items() if breaker.state == "closed")
            del self._breakers[next(closed, next(iter(self._breakers)))]
