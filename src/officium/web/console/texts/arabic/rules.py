"""The texts of this page that are translated so far."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.rules": "القواعد",
}
