"""How often passwords may be tried, and how often people may come from an identity provider."""

import ipaddress
from math import ceil

from officium.core.usage.limits.rate_limit import RateLimit
from officium.core.usage.limits.windows import WindowStore
from officium.kit.errors import LimitExceeded

FOR_ONE_HERE = RateLimit(8, 900)
"""For one name from one address: what a person who has forgotten something needs."""
FOR_ONE = RateLimit(60, 3600)
"""For one name from anywhere. It is wider, so that strangers cannot easily keep somebody out."""
FROM_HERE = RateLimit(40, 900)
"""From one address, whatever the name."""
FROM_PROVIDER = RateLimit(400, 900)
"""Steps of signing in with an identity provider from one address, two for each time. A whole company may have
one address, and nothing can be guessed there: this bounds the work and no more."""


class SignInThrottle:
    """Counts tries of passwords, right and wrong ones alike, in windows that slide."""

    def __init__(self, windows: WindowStore) -> None:
        self._windows = windows

    async def admit(self, login: str, address: str) -> None:
        """Count a try for this name from this address; an empty address is nobody's. Raises LimitExceeded."""
        wanted = [("sign-in:one:", login, FOR_ONE)]
        if address:
            place = network_of(address)
            wanted.append(("sign-in:one-here:", f"{login} {place}", FOR_ONE_HERE))
            wanted.append(("sign-in:here:", place, FROM_HERE))
        await self._take(wanted)

    async def admit_arrival(self, address: str) -> None:
        """Count a step to or from an identity provider. Raises LimitExceeded."""
        if address:
            await self._take([("sign-in:provider:", network_of(address), FROM_PROVIDER)])

    async def _take(self, wanted: list[tuple[str, str, RateLimit]]) -> None:
        states = await self._windows.take(wanted)
        wait_s = max(state.room_after_s for state in states)
        if wait_s > 0:
            minutes = ceil(wait_s / 60)
            raise LimitExceeded(
                f"Too many tries. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again.",
                retry_after_s=wait_s,
            )


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or of IPv6 the network that a household has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
