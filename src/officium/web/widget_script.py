"""`/widget.js`: the script that shows the chat in a client's page, and its texts in other languages."""

import gzip
import hashlib
import json
import re
from functools import cached_property
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

FOLDER = Path(__file__).parent / "static" / "widget"
SOURCES = ("texts", "elements", "markdown", "client", "forms", "thread", "panel", "chat", "people", "start")
"""The parts of the script, in the order in which they stand on each other."""
_CACHE = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800"
_FOR_OTHER_ORIGINS = {
    "cache-control": _CACHE,
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "vary": "accept-encoding",
}


class _File:
    """A file as it goes out, whole and compressed."""

    def __init__(self, text: str, media_type: str) -> None:
        self.body = text.encode()
        self.media_type = media_type
        self.etag = f'W/"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.body, 9, mtime=0)

    def answer(self, request: Request) -> Response:
        """The file; 304 where the browser has it."""
        headers = {**_FOR_OTHER_ORIGINS, "etag": self.etag}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        body = self.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            body = self.gzipped
        headers["content-length"] = str(len(body))
        return Response(
            b"" if request.method == "HEAD" else body, headers=headers, media_type=self.media_type
        )


def build_script(folder: Path = FOLDER) -> str:
    """The whole script: its parts in one scope of their own, with the style sheet, without comments."""
    languages = sorted(path.stem for path in (folder / "texts").glob("*.json"))
    lines = [f"const LANGUAGES = {json.dumps(languages)};", f"const STYLE = {json.dumps(_style(folder))};"]
    for name in SOURCES:
        # No string of ours goes over several lines, so this changes nothing that is said.
        stripped = (line.strip() for line in (folder / f"{name}.js").read_text("utf-8").splitlines())
        lines += [line for line in stripped if line and not line.startswith("//")]
    return "\n".join(("(() => {", '"use strict";', *lines, "})();", ""))


def widget_script_router() -> APIRouter:
    """The routes: the same for everybody, and for pages of any origin."""
    router = APIRouter(include_in_schema=False)
    script = _File(build_script(), "text/javascript")
    texts = {
        path.stem: _File(
            json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False), "application/json"
        )
        for path in sorted((FOLDER / "texts").glob("*.json"))
    }

    @router.api_route("/widget.js", methods=["GET", "HEAD"])
    async def get_script(request: Request) -> Response:
        return script.answer(request)

    @router.get("/widget/texts/{language}.json")
    async def get_texts(request: Request, language: str) -> Response:
        if language not in texts:
            raise HTTPException(404)
        return texts[language].answer(request)

    return router


def _style(folder: Path) -> str:
    text = re.sub(r"/\*.*?\*/", "", (folder / "widget.css").read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?", r"\1", text).replace(": ", ":").replace(";}", "}").strip()
