"""Where addresses that a tenant may write can lead: to the internet, and never inside.

Why it is as strict as it is: docs/decisions/0011-outgoing-address-guard.md.
"""

import re
import socket
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import structlog

from officium.core.llm.errors import AddressRefused, LLMConnectionError
from officium.core.llm.outgoing import host_of, parse_url

__all__ = ["AddressGuard", "AddressRefused"]

LONGEST_URL = 2048
OPEN_PORTS = frozenset((80, 443, 8443))
"""Where the internet's APIs are found; everything else has to be named by the operator."""

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
_Place = tuple[str, int | None]

_INSIDE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network: often this very machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' networks, overlays, and Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services, reached from every machine there
        "169.254.0.0/16",  # link-local: most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments: Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved and broadcast
    )
)
_OUTSIDE_V6 = IPv6Network("2000::/3")
"""What has been given out of IPv6; the rest is local, multicast or nobody's."""
_INSIDE_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments; Teredo carries an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",
    )
)
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last four bytes are the IPv4 address that is reached."""
_ISATAP = 0x5EFE

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_INSIDE_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\]")

logger = structlog.get_logger("guard")


class AddressGuard:
    """Says which addresses a tenant may send us to.

    By default: `https` at a usual port of a named host all of whose addresses are on the open internet.
    `allowed` are the operator's exceptions: a host (any scheme and port), `host:port`, or a range of
    addresses such as `10.1.0.0/16`. Raises ValueError for an exception it cannot read.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._places: set[_Place] = set()
        self._networks: list[_Network] = []
        for entry in allowed:
            read = _read_exception(entry)
            if isinstance(read, tuple):
                self._places.add(read)
            else:
                self._networks.append(read)

    def check_url(self, url: str) -> None:
        """Raise AddressRefused unless `url` may be asked for. Looks nothing up."""
        if len(url) > LONGEST_URL or _UNFIT.search(url):
            raise AddressRefused("The address is too long, or holds blanks, backslashes or control signs.")
        try:
            parsed = parse_url(url)
        except LLMConnectionError:
            raise AddressRefused("The address is not a URL. Write https://host/path.") from None
        if parsed.user is not None or parsed.password is not None or parsed.fragment:
            raise AddressRefused("The address must have neither a user, nor a password, nor a part after #.")
        host, port = _bare(host_of(parsed)), parsed.port or 0
        if "[" in parsed.raw_authority and ":" not in host:
            raise AddressRefused("Between the address's brackets there must be an IPv6 address.", host=host)
        address = _literal(host)
        if self.allows_host(host, port) or (address is not None and self._is_named(address)):
            return
        if parsed.scheme != "https":
            raise AddressRefused(f"{host} may only be reached over https. {_ASK}", host=host)
        if port not in OPEN_PORTS:
            raise AddressRefused(f"Port {port} of {host} may not be used. {_ASK}", host=host)
        if address is None:
            _check_name(host)
        elif not is_public(address):
            raise _refused(host)

    def allows_host(self, host: str, port: int) -> bool:
        """Whether the operator has named this host: then nothing about it is checked."""
        host = _bare(host)
        return (host, None) in self._places or (host, port) in self._places

    def check_addresses(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """Raise AddressRefused unless `host` may lead to every one of `addresses`.

        They must be the very ones that are connected to next: a name may lead elsewhere a moment later.
        """
        if self.allows_host(host, port):
            return
        for text in addresses:
            address = _literal(text)
            if address is None or not (is_public(address) or self._is_named(address)):
                logger.warning("address.refused", host=host, port=port, address=text)
                raise _refused(host)

    def _is_named(self, address: _Address) -> bool:
        """Whether the address lies in a range the operator has named."""
        reached = _reached(address)
        return any(reached in network for network in self._networks if network.version == reached.version)


def is_public(address: _Address) -> bool:
    """Whether an address is one of the open internet, and leads nowhere else by translation."""
    reached = _reached(address)
    if isinstance(reached, IPv4Address):
        return not any(reached in network for network in _INSIDE_V4)
    if reached not in _OUTSIDE_V6 or any(reached in network for network in _INSIDE_V6):
        return False
    bits = int(reached)
    if (bits >> 32) & 0xFDFFFFFF == _ISATAP:
        return is_public(IPv4Address(bits & 0xFFFFFFFF))
    return True


_ASK = "Ask the operator to name it in OFFICIUM_ALLOWED_PRIVATE_HOSTS if it must be."


def _refused(host: str) -> AddressRefused:
    return AddressRefused(
        f"{host} is not on the open internet, so it is not asked. {_ASK}",
        host=host,
    )


def _reached(address: _Address) -> _Address:
    """The address in whose place this one stands, where it only wraps an IPv4 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _check_name(host: str) -> None:
    """Raise AddressRefused unless this is a full name of the internet's.

    Anything whose last part is a number is read as an IPv4 address by someone: `127.1`, `0x7f000001`,
    `017700000001`.
    """
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise AddressRefused("The host's name holds a sign that no host's name has.", host=host)
    if _NUMBER.fullmatch(labels[-1]) or _is_short_address(host):
        raise AddressRefused("Write an IPv4 address as four decimal numbers.", host=host)
    if len(labels) == 1 or host.endswith(tuple(f".{name}" for name in _INSIDE_NAMES)):
        raise _refused(host)


def _is_short_address(host: str) -> bool:
    """Whether the system's own reader takes it for an IPv4 address."""
    try:
        socket.inet_aton(host)
    except (OSError, ValueError):
        return False
    return True


def _bare(host: str) -> str:
    """A host's name as names are compared: in lower case, and without the dot that may end it."""
    host = host.lower()
    return host[:-1] if host.endswith(".") else host


def _literal(host: str) -> _Address | None:
    """The address if the host is one, in its full form and without a zone."""
    if "%" in host:
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None


def _read_exception(entry: str) -> _Place | _Network:
    """A host and port, or a range of addresses. Raises ValueError."""
    entry = entry.strip()
    if "/" in entry:
        try:
            return ip_network(entry)
        except ValueError:
            raise ValueError(f"{entry!r} is no range of addresses, such as 10.1.0.0/16") from None
    if _literal(entry) is not None:
        return str(ip_address(entry)), None
    host, colon, port = entry.rpartition(":")
    if not colon:
        host = entry
    elif not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise ValueError(f"{entry!r} has no port after its colon")
    host = _bare(host.removeprefix("[").removesuffix("]"))
    address = _literal(host)
    if address is None and not all(map(_LABEL.fullmatch, host.split("."))):
        raise ValueError(f"{entry!r} is no host, host:port or range of addresses")
    return str(address or host), int(port) if colon else None
