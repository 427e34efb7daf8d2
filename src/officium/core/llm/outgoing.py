"""What every request to a provider has in common, whichever transport carries it."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from officium.core.llm.faults import not_a_url
from officium.kit.version import __version__

STREAM_LIMIT_BYTES = 64 * 1024 * 1024
"""The longest streamed body, after decompression."""

LARGE_BODY_BYTES = 1024 * 1024
"""A request body from here on is written piece by piece, as the provider takes it."""

KEEP_ALIVE_S = 30.0
"""How long a connection without work is kept."""

DNS_CACHE_S = 60
TARGETS_KEPT = 1024
"""So many URLs are remembered with what was found out about them."""

OUR_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": f"officium/{__version__}",
}


def parse_url(url: str) -> URL:
    """The URL, quoted where it must be: a model name may stand in its path.

    Raises LLMConnectionError unless it is an absolute `http` or `https` URL.
    """
    try:
        # Quoting is skipped only where there is nothing to quote.
        parsed = URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)
        is_ours = parsed.scheme in ("http", "https") and parsed.host and parsed.port is not None
    except ValueError as error:
        raise not_a_url() from error
    if not is_ours:
        raise not_a_url()
    return parsed


def host_of(url: URL) -> str:
    """The host as it is looked up: a name in its ASCII form, or an address."""
    host = url.host or ""
    # raw is the ASCII form of a name, but the quoted one of an address with a zone
    return host if ":" in host else url.raw_host or ""


def proxy_for(url: URL) -> URL | None:
    """The proxy that the environment names for this URL."""
    proxy = getproxies().get(url.scheme)
    return None if proxy is None or proxy_bypass(url.host or "") else URL(proxy)
