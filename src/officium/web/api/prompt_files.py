"""`/api/prompt-files`: a tenant's own prompts as files, to take along and to bring."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from officium.core.prompts import PromptVersion
from officium.core.prompts.exchange import LARGEST_FILE_BYTES, MOST_FILES, PromptFile
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router


class PromptFiles(Protocol):
    """Knows prompts as files."""

    async def export_files(self, caller: Caller) -> Sequence[PromptFile]: ...

    async def import_files(
        self, caller: Caller, files: Sequence[PromptFile], *, request_id: str | None = None
    ) -> Sequence[PromptVersion]: ...


class ExchangedFile(BaseModel):
    """A prompt as a file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=110, examples=["email.followup.v1.md"])
    content: str = Field(max_length=LARGEST_FILE_BYTES)


class ExchangedFiles(BaseModel):
    """Prompts as files."""

    model_config = ConfigDict(extra="forbid")

    files: list[ExchangedFile] = Field(max_length=MOST_FILES)


class PublishedFile(BaseModel):
    """What a file became."""

    name: str
    version: str


class PublishedFiles(BaseModel):
    """What files became, in their order."""

    published: list[PublishedFile]


def prompt_files_router(files: PromptFiles, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "prompts")

    @router.get("/api/prompt-files", summary="The newest versions of the tenant's own prompts, as files")
    async def export_files(caller: KnownCaller) -> ExchangedFiles:
        found = await files.export_files(caller)
        return ExchangedFiles(files=[ExchangedFile(name=one.name, content=one.content) for one in found])

    @router.post("/api/prompt-files", summary="Publish files as the tenant's own versions")
    async def import_files(
        caller: KnownCaller, asked: ExchangedFiles, request_id: RequestId
    ) -> PublishedFiles:
        read = [PromptFile(one.name, one.content) for one in asked.files]
        made = await files.import_files(caller, read, request_id=request_id)
        return PublishedFiles(
            published=[PublishedFile(name=one.prompt.name, version=one.ref) for one in made]
        )

    return router
