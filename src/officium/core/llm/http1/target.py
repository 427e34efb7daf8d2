"""Where a request goes, and its head as it is written there."""

import re
from base64 import b64encode

from yarl import URL

from officium.core.llm.errors import LLMConnectionError
from officium.core.llm.faults import forbidden_character, not_a_url
from officium.core.llm.http import HttpRequest
from officium.core.llm.http1.origin import Origin
from officium.core.llm.outgoing import OUR_HEADERS

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[!-~]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
_TEMPLATES_KEPT = 64

_OF_THE_CONNECTION = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers that say where a message ends and what becomes of its connection; nobody else may say that."""


class Target:
    """Where a URL leads: parsed once, with the heads of the requests that go there but for their values."""

    __slots__ = ("_authority", "_credentials", "_path", "_templates", "host", "is_proxied", "origin")

    def __init__(self, url: URL, origin: Origin, *, is_proxied: bool) -> None:
        self.host = url.host or ""
        self.origin = origin
        self.is_proxied = is_proxied
        self._authority = url.host_port_subcomponent or ""
        self._path = url.raw_path_qs or "/"
        if not (_VISIBLE.fullmatch(self._authority) and _VISIBLE.fullmatch(self._path)):
            raise not_a_url()
        self._credentials: str | None = None
        if url.user is not None or url.password is not None:
            pair = f"{url.user or ''}:{url.password or ''}"
            self._credentials = f"Basic {b64encode(pair.encode()).decode()}"
        self._templates: dict[tuple[object, ...], str] = {}

    def head(self, request: HttpRequest) -> bytes:
        """The request line and the headers. Raises LLMConnectionError if one of them cannot be sent."""
        headers = request.headers
        has_length = bool(request.body) or request.method in _WITH_BODY
        key = (has_length, request.method, *headers)
        template = self._templates.get(key) or self._template(key, request)
        values = headers.values()
        text = "".join(values)
        if not (text.isascii() and text.isprintable()) and _CONTROL.search(text):
            raise forbidden_character(self.host)
        head = template % ((*values, len(request.body)) if has_length else (*values,))
        try:
            return head.encode()
        except UnicodeEncodeError as error:
            raise forbidden_character(self.host) from error

    def _template(self, key: tuple[object, ...], request: HttpRequest) -> str:
        has_length = key[0]
        names = {name.lower() for name in request.headers}
        if not all(map(_TOKEN.fullmatch, (request.method, *request.headers))):
            raise forbidden_character(self.host)
        if owned := sorted(names & _OF_THE_CONNECTION):
            raise LLMConnectionError(
                f"Nothing was sent to {self.host}: the header {owned[0]} is not yours to set; leave it out.",
                is_retryable=False,
            )
        ours = {"host": self._authority, **OUR_HEADERS}
        if self._credentials is not None:
            ours["authorization"] = self._credentials
        fixed = [f"{name}: {value}" for name, value in ours.items() if name not in names]
        lines = [f"{request.method} {self._path} HTTP/1.1", *fixed]
        template = "\r\n".join(line.replace("%", "%%") for line in lines)
        template += "".join(f"\r\n{name.replace('%', '%%')}: %s" for name in request.headers)
        template += "\r\ncontent-length: %d\r\n\r\n" if has_length else "\r\n\r\n"
        if len(self._templates) >= _TEMPLATES_KEPT:
            self._templates.clear()
        self._templates[key] = template
        return template
