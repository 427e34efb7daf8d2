"""The files a page needs: named by what is in them, so that browsers may keep them for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_VENDOR: Mapping[str, str] = {
    "tabler.css": "vendor/tabler/tabler.min.css",
    "tabler.rtl.css": "vendor/tabler/tabler.rtl.min.css",
    "icons.svg": "vendor/icons/sprite.svg",
    "htmx.js": "vendor/htmx/htmx.min.js",
    "uplot.css": "vendor/uplot/uPlot.min.css",
    "uplot.js": "vendor/uplot/uPlot.iife.min.js",
}
_OWN = {
    path.name: f"console/{path.name}"
    for path in sorted((STATIC / "console").iterdir())
    if path.suffix in _TYPES
}
FILES: Mapping[str, str] = {**_VENDOR, **_OWN}
"""Under which name pages ask for a file, and where it is. Our own are all those in `static/console`."""
_DIGITS = 12


@dataclass(frozen=True)
class Asset:
    """A file, whole and compressed. `name` carries a digest of its content: `console.0123456789ab.css`."""

    name: str
    media_type: str
    body: bytes

    @cached_property
    def gzipped(self) -> bytes:
        """The file as most browsers take it; made when it is first asked for."""
        return gzip.compress(self.body, 9, mtime=0)


class Assets:
    """All files of the console, read once."""

    def __init__(self, files: Mapping[str, str] = FILES, folder: Path = STATIC) -> None:
        self._by_plain_name = {plain: _read(plain, folder / path) for plain, path in files.items()}
        self._by_name = {asset.name: asset for asset in self._by_plain_name.values()}

    def path(self, plain: str) -> str:
        """Where browsers get the file that pages call `plain`."""
        return f"/console/assets/{self._by_plain_name[plain].name}"

    def turned(self, plain: str) -> str:
        """What to ask for in its place on a page that is written from right to left: `tabler.rtl.css`."""
        stem, dot, kind = plain.rpartition(".")
        turned = f"{stem}.rtl{dot}{kind}"
        return turned if turned in self._by_plain_name else plain

    def find(self, name: str) -> Asset | None:
        """The file of this name, digest included."""
        return self._by_name.get(name)


def _read(plain: str, path: Path) -> Asset:
    body = path.read_bytes()
    stem, dot, kind = plain.rpartition(".")
    digest = hashlib.sha256(body).hexdigest()[:_DIGITS]
    return Asset(f"{stem}.{digest}{dot}{kind}", _TYPES[dot + kind], body)
