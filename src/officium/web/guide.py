"""The documentation's site at `/guide`, where `make docs` has put it into the package."""

import hashlib
import re
from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, RedirectResponse, Response

FOLDER = Path(__file__).parent / "static" / "guide"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_CACHE = "public, max-age=3600"


def guide_router(folder: Path = FOLDER) -> APIRouter:
    """The site's pages and their files; nothing but 404 where it was not built."""
    router = APIRouter(include_in_schema=False)

    @router.get("/guide")
    async def begin() -> Response:
        if not (folder / "index.html").is_file():
            raise HTTPException(404)
        return RedirectResponse("/guide/index.html", 303)

    @router.get("/guide/{path:path}")
    def file(path: str) -> Response:
        found = (folder / path).resolve() if "\0" not in path else folder
        if not found.is_relative_to(folder.resolve()) or not found.is_file():
            raise HTTPException(404)
        headers = {"cache-control": _CACHE, "x-content-type-options": "nosniff"}
        if found.suffix != ".html":
            return FileResponse(found, media_type=guess_type(found.name)[0], headers=headers)
        page = found.read_bytes()
        headers["content-security-policy"] = policy(page)
        return Response(page, headers=headers, media_type="text/html")

    return router


def is_built(folder: Path = FOLDER) -> bool:
    """Whether there is a site to lead to."""
    return (folder / "index.html").is_file()


def policy(page: bytes) -> str:
    """What a page of the site may load: our own files, and the scripts that stand in it word for word.

    Its search brings styles with it, which are let in: these pages show nothing that visitors wrote.
    """
    digests = [b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(page)]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
