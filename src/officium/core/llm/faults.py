"""What a failed exchange with a provider is called. Only its host is named: a URL's query may hold a key."""

from officium.core.llm.errors import LLMConnectionError, LLMProtocolError, LLMTimeoutError


def transport_closed() -> LLMConnectionError:
    """Something was to be sent after the end."""
    return LLMConnectionError("The transport is closed; nothing more can be sent.", is_retryable=False)


def not_a_url() -> LLMConnectionError:
    """The base URL of the deployment is wrong."""
    return LLMConnectionError(
        "The provider's address is not a valid URL; correct its base URL.", is_retryable=False
    )


def forbidden_character(host: str) -> LLMConnectionError:
    """A header would have broken the request apart."""
    return LLMConnectionError(
        f"Nothing was sent to {host}: a header, most likely the key, holds a forbidden character.",
        is_retryable=False,
    )


def host_unknown(host: str) -> LLMConnectionError:
    """The name has no address."""
    return LLMConnectionError(f"The host name {host} is not known.")


def not_connected(host: str, reason: str | None) -> LLMConnectionError:
    """None of the addresses took the connection."""
    return LLMConnectionError(f"No connection to {host}: {reason or 'it was refused'}.")


def tls_failed(host: str) -> LLMConnectionError:
    """Nobody there whom we trust."""
    return LLMConnectionError(f"No secure connection to {host}: the TLS handshake failed.")


def connect_timeout(host: str, limit_s: float) -> LLMTimeoutError:
    """Name, connection and handshake took too long."""
    return LLMTimeoutError(f"No connection to {host} within {limit_s:g} s.", phase="connect", limit_s=limit_s)


def first_byte_timeout(host: str, limit_s: float) -> LLMTimeoutError:
    """The request is sent, and nothing comes."""
    return LLMTimeoutError(
        f"{host} did not begin to answer within {limit_s:g} s.", phase="first_byte", limit_s=limit_s
    )


def hung_up(host: str) -> LLMConnectionError:
    """The connection ended before the headers."""
    return LLMConnectionError(f"{host} closed the connection before it answered.")


def not_http(host: str) -> LLMProtocolError:
    """The headers cannot be read."""
    return LLMProtocolError(f"{host} answered with something that is not HTTP.")


def cut_short(host: str) -> LLMProtocolError:
    """The provider did not send the body to its end."""
    return LLMProtocolError(f"The answer of {host} was cut short.")


def broke_off(host: str) -> LLMConnectionError:
    """The body cannot be read to its end."""
    return LLMConnectionError(f"The connection to {host} broke while it answered.")


def too_large(limit_bytes: int) -> LLMProtocolError:
    """The body is longer than anyone wants it."""
    return LLMProtocolError(
        f"The provider's answer is larger than {limit_bytes} bytes.",
        is_retryable=False,
        limit_bytes=limit_bytes,
    )
