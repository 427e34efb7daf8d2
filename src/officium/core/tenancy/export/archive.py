"""Writes the archive: a ZIP file that comes into being piece by piece, and is never whole in memory."""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, Any

import msgspec

from officium.core.tenancy.export.contents import ExportFile

FORMAT = "officium-export"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"


class _Sink:
    """A file that only grows; what was written is taken away from its beginning."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, data: bytes, /) -> int:
        self.waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Archive:
    """An archive of JSON Lines. Each file is begun, added to and ended before the next one is begun."""

    def __init__(self, now: datetime) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._at = now.timetuple()[:6]
        self._encoder = msgspec.json.Encoder()
        self._files: list[dict[str, Any]] = []
        self._file: ExportFile | None = None
        self._entry: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._rows = self._bytes = 0

    def begin(self, file: ExportFile) -> None:
        """Begin a file."""
        self._file, self._digest, self._rows, self._bytes = file, hashlib.sha256(), 0, 0
        self._entry = self._zip.open(self._info(file.path), "w", force_zip64=True)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the file, a line each."""
        lines = []
        for row in rows:
            lines.append(self._encoder.encode(row) + b"\n")
            self._rows += 1
        text = b"".join(lines)
        self._digest.update(text)
        self._bytes += len(text)
        assert self._entry is not None
        self._entry.write(text)

    def end(self) -> None:
        """End the file, and remember it for the manifest."""
        assert self._entry is not None
        assert self._file is not None
        self._entry.close()
        self._files.append(
            {
                "path": self._file.path,
                "table": self._file.table,
                "rows": self._rows,
                "size_bytes": self._bytes,
                "sha256": self._digest.hexdigest(),
                "leaves_out": list(self._file.leaves_out),
            }
        )

    def close(self, about: Mapping[str, Any]) -> None:
        """Write the manifest: `about` and what the files are. Nothing is added any more."""
        manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, **about, "files": self._files}
        text = msgspec.json.format(self._encoder.encode(manifest), indent=2) + b"\n"
        self._zip.writestr(self._info(MANIFEST), text)
        self._zip.close()

    def take(self, size_bytes: int) -> bytes:
        """The next piece of the archive, of exactly this size; empty where there is not as much yet."""
        if len(self._sink.waiting) < size_bytes:
            return b""
        return self._take(size_bytes)

    def take_rest(self) -> bytes:
        """What is left when the archive is closed."""
        return self._take(len(self._sink.waiting))

    def _take(self, size_bytes: int) -> bytes:
        piece = bytes(self._sink.waiting[:size_bytes])
        del self._sink.waiting[:size_bytes]
        return piece

    def _info(self, path: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(path, self._at)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info
