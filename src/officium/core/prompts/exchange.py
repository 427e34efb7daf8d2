"""Prompts as files that go from one tenant or installation to another."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import yaml
from msgspec import Struct
from msgspec.structs import asdict

from officium.core.prompts.draft import PromptDraft
from officium.core.prompts.errors import InvalidPrompt, PromptFileInvalid
from officium.core.prompts.file import parse_file
from officium.core.prompts.prompt import Prompt, PromptVersion
from officium.core.prompts.service import PromptSummary
from officium.core.tenancy import Caller, require

MOST_FILES = 200
LARGEST_FILE_BYTES = 200 * 1024
_PAGE = 100


class PromptFile(Struct, frozen=True):
    """A file as in a room's folder of prompts."""

    name: str
    content: str


class Prompts(Protocol):
    """Knows a tenant's prompts."""

    async def list_prompts(
        self, caller: Caller, *, after: str = "", limit: int = 50
    ) -> Sequence[PromptSummary]: ...

    async def get_version(self, caller: Caller, name: str, ref: str) -> PromptVersion: ...

    async def create_version(
        self, caller: Caller, draft: PromptDraft, *, label: str | None = None, request_id: str | None = None
    ) -> PromptVersion: ...


class PromptFileService:
    """Exports the newest versions of a tenant's own prompts as files, and publishes files."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    async def export_files(self, caller: Caller) -> list[PromptFile]:
        """A file for the newest version of each prompt of the tenant's own. Raises PermissionDenied."""
        files: list[PromptFile] = []
        after = ""
        while True:
            page = await self._prompts.list_prompts(caller, after=after, limit=_PAGE)
            for prompt in page:
                if prompt.own is not None:
                    version = await self._prompts.get_version(caller, prompt.name, f"own/{prompt.own}")
                    files.append(PromptFile(f"{prompt.name}.md", file_of(version)))
            if len(page) < _PAGE:
                return files
            after = page[-1].name

    async def import_files(
        self, caller: Caller, files: Sequence[PromptFile], *, request_id: str | None = None
    ) -> list[PromptVersion]:
        """Publish files as the tenant's own next versions. All are read before the first is published.

        No label moves: a version is used once somebody points one at it. Raises PermissionDenied,
        PromptFileInvalid's cause as InvalidPrompt, and InvalidPrompt.
        """
        require(caller, "config:write")
        if len(files) > MOST_FILES:
            raise InvalidPrompt(f"At most {MOST_FILES} files are imported at once.", param="files")
        drafts = [_draft(file) for file in files]
        return [await self._prompts.create_version(caller, draft, request_id=request_id) for draft in drafts]


def file_of(version: PromptVersion) -> str:
    """The version as the text of a file that `parse_file` reads. Raises InvalidPrompt if none can say it."""
    said: dict[str, Any] = msgspec.to_builtins(version.prompt)
    sections = {name: said.pop(name, "") for name in ("system", "user")}
    for text in sections.values():
        if any(line in ("# system", "# user") for line in text.splitlines()):
            raise InvalidPrompt(
                f"{version.prompt.name} has a line `# system` or `# user` in a text, which no file can say."
            )
    front = {"name": said.pop("name"), "version": version.version, **said}
    head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=110).rstrip()
    return f"---\n{head}\n---\n# system\n{sections['system']}\n# user\n{sections['user']}\n"


def _draft(file: PromptFile) -> PromptDraft:
    if len(file.content.encode()) > LARGEST_FILE_BYTES:
        raise InvalidPrompt(
            f"{file.name[:100]} has more than {LARGEST_FILE_BYTES // 1024} KB.", param="files"
        )
    try:
        prompt = parse_file(file.content, file.name[:100]).prompt
    except PromptFileInvalid as error:
        raise InvalidPrompt(error.message, param="files") from error
    return PromptDraft(**_said(prompt))


def _said(prompt: Prompt) -> Mapping[str, Any]:
    return asdict(prompt)
