"""Our own narrow HTTP/1.1 client: what calls to providers need, and nothing else.

Why it is our own: docs/decisions/0006-our-own-http-client.md.
"""

from officium.core.llm.http1.transport import Http1Transport

__all__ = ["Http1Transport"]
