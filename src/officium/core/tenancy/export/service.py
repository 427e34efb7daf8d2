"""What an owner may ask of exports, and the job that makes them."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, Protocol

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from officium.core.tenancy.audit import AuditEntry
from officium.core.tenancy.caller import Caller, is_operator, require, require_operator
from officium.core.tenancy.export.archive import Archive
from officium.core.tenancy.export.contents import FILES, LEFT_OUT, ExportFile
from officium.core.tenancy.export.errors import ExportNotFound, ExportNotReady, ExportUnreadable
from officium.core.tenancy.export.export import KEPT_FOR, Export, Failure
from officium.core.tenancy.export.store import ExportStore
from officium.core.tenancy.tenant import Member
from officium.kit.clock import Clock
from officium.kit.database import DatabaseUnavailable
from officium.kit.errors import PermissionDenied
from officium.kit.ids import new_id
from officium.kit.version import __version__

LARGEST_BYTES = 1024 * 1024 * 1024
"""A larger file is not made. It is that of the archive, in which texts take about a fifth of their size."""
_PIECE_BYTES = 1024 * 1024
_ROWS_AT_ONCE = 250
_PAGES_OF_MANY = 4
"""A table with more pages is a long one."""
_MOST_ATTEMPTS = 3
_BATCH = 20
_NONCE_BYTES = 12

_log = structlog.get_logger("exports")


class Members(Protocol):
    """Knows who is an owner."""

    async def find_member_by_id(self, caller: Caller, member_id: str) -> Member | None: ...


class _NoLongerWanted(Exception):
    """Somebody has deleted the export meanwhile, or another process has begun it again."""


class _TooLarge(Exception):
    """The file would be larger than may be."""


class ExportService:
    """Everything of a tenant in one file. It is the owners' alone, since it has what is private to others.

    A file is made by a job, sealed piece by piece, and deleted a day after it is ready. One is made at a
    time, whatever the number of processes; where a process dies, another one begins its export again.
    """

    def __init__(
        self,
        store: ExportStore,
        members: Members,
        clock: Clock,
        secret: bytes,
        *,
        largest_bytes: int = LARGEST_BYTES,
        piece_bytes: int = _PIECE_BYTES,
    ) -> None:
        """`secret`, 32 bytes, seals the pieces."""
        self._store = store
        self._members = members
        self._clock = clock
        self._cipher = AESGCM(secret)
        self._largest_bytes = largest_bytes
        self._piece_bytes = piece_bytes

    async def request_export(self, caller: Caller, *, request_id: str | None = None) -> Export:
        """Ask for an export. Raises PermissionDenied and ExportUnderWay."""
        await self._require_owner(caller)
        now = self._clock.now()
        export = Export(
            id=new_id("exp"),
            state="waiting",
            requested_at=now,
            requested_by=caller.actor,
            expires_at=now + KEPT_FOR,
        )
        await self._store.add_export(caller, export, self._entry(caller, "requested", export.id, request_id))
        return export

    async def write_export(self, caller: Caller) -> AsyncIterator[bytes]:
        """The same file at once, for the operator: nothing of it is kept, so it may be of any size.

        Raises PermissionDenied.
        """
        require_operator(caller)
        now = self._clock.now()
        export = Export(
            id=new_id("exp"),
            state="building",
            requested_at=now,
            requested_by=caller.actor,
            expires_at=now,
        )
        await self._store.note(caller, self._entry(caller, "downloaded", export.id, None))
        async for piece in self._pack(_job(caller.tenant_id), export, _Progress(1)):
            if piece:
                yield piece

    async def list_exports(self, caller: Caller) -> list[Export]:
        """The exports there are, newest first. Raises PermissionDenied."""
        await self._require_owner(caller)
        now = self._clock.now()
        return [export for export in await self._store.list_exports(caller) if export.expires_at > now]

    async def open_export(
        self, caller: Caller, export_id: str, *, request_id: str | None = None
    ) -> tuple[Export, AsyncIterator[bytes]]:
        """An export and its file.

        Raises PermissionDenied, ExportNotFound, ExportNotReady and ExportUnreadable.
        """
        await self._require_owner(caller)
        export = await self._store.find_export(caller, export_id)
        if export is None or export.expires_at <= self._clock.now():
            raise _not_found()
        if export.state != "ready":
            raise ExportNotReady("This export is not ready. Look at its progress under Settings.")
        first = await self._piece(caller, export, 0)
        await self._store.note(caller, self._entry(caller, "downloaded", export.id, request_id))
        return export, self._pieces(caller, export, first)

    async def delete_export(self, caller: Caller, export_id: str, *, request_id: str | None = None) -> None:
        """Delete an export, also one that is being made. Raises PermissionDenied and ExportNotFound."""
        await self._require_owner(caller)
        entry = self._entry(caller, "deleted", export_id[:64], request_id)
        if not await self._store.delete_export(caller, export_id, entry):
            raise _not_found()

    async def run(self) -> None:
        """The job: delete what is over, then make what is asked for."""
        now = self._clock.now()
        for tenant_id, export_id in await self._store.list_expired_for_all_tenants(now, _BATCH):
            await self._store.delete_export(_job(tenant_id), export_id, None)
        for tenant_id, export in await self._store.list_due_for_all_tenants(now, _BATCH):
            await self._make(_job(tenant_id), export)

    async def _make(self, job: Caller, export: Export) -> None:
        """Make one; what is wrong with it must not keep the others from being made."""
        if export.attempts >= _MOST_ATTEMPTS:
            return await self._give_up(job, export, export.attempts, "broken")
        total_rows = await self._store.count_rows(job, FILES)
        attempt = await self._store.begin(job, export.id, total_rows)
        if attempt is None:
            return None
        try:
            await self._build(job, export, _Progress(attempt))
        except _NoLongerWanted:
            _log.info("export.no_longer_wanted", tenant=job.tenant_id, export=export.id)
        except _TooLarge:
            await self._give_up(job, export, attempt, "too_large")
        except DatabaseUnavailable:
            raise
        except Exception:
            _log.exception("export.broken", tenant=job.tenant_id, export=export.id)
            await self._give_up(job, export, attempt, "broken")
        else:
            _log.info("export.ready", tenant=job.tenant_id, export=export.id)

    async def _give_up(self, job: Caller, export: Export, attempt: int, failure: Failure) -> None:
        _log.warning("export.failed", tenant=job.tenant_id, export=export.id, reason=failure)
        await self._store.fail(job, export.id, attempt, failure)

    async def _build(self, job: Caller, export: Export, progress: "_Progress") -> None:
        async for piece in self._pack(job, export, progress):
            if piece:
                await self._add_piece(job, export, piece, progress)
            elif progress.done_rows - progress.told_rows >= _ROWS_AT_ONCE:
                progress.told_rows = progress.done_rows
                await self._change(job, export, progress, done_rows=progress.done_rows)
        now = self._clock.now()
        await self._change(job, export, progress, state="ready", finished_at=now, expires_at=now + KEPT_FOR)

    async def _pack(self, job: Caller, export: Export, progress: "_Progress") -> AsyncIterator[bytes]:
        """The archive, piece by piece; an empty one says that rows were read."""
        started_at = self._clock.now()
        archive = Archive(started_at)
        for file in FILES:
            archive.begin(file)
            async for rows in self._rows(job, file):
                await asyncio.to_thread(archive.add, rows)
                progress.done_rows += len(rows)
                while piece := archive.take(self._piece_bytes):
                    yield piece
                yield b""
            archive.end()
        about = {
            "officium_version": __version__,
            "tenant_id": job.tenant_id,
            "export_id": export.id,
            "requested_by": export.requested_by,
            "started_at": started_at,
            "ended_at": self._clock.now(),
            "left_out": LEFT_OUT,
        }
        archive.close(about)
        while piece := archive.take(self._piece_bytes):
            yield piece
        yield archive.take_rest()

    async def _change(self, job: Caller, export: Export, progress: "_Progress", **values: Any) -> None:
        if not await self._store.change(job, export.id, progress.attempt, **values):
            raise _NoLongerWanted

    async def _rows(self, job: Caller, file: ExportFile) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of a file, page by page, without what is left out."""
        last, pages = None, 0
        while rows := await self._store.read_rows(
            job, file, last, _ROWS_AT_ONCE, is_long=pages >= _PAGES_OF_MANY
        ):
            last, pages = dict(rows[-1]), pages + 1
            for row in rows:
                for column in file.leaves_out:
                    del row[column]
            yield rows
            if len(rows) < _ROWS_AT_ONCE:
                return

    async def _add_piece(self, job: Caller, export: Export, piece: bytes, progress: "_Progress") -> None:
        progress.size_bytes += len(piece)
        if progress.size_bytes > self._largest_bytes:
            raise _TooLarge
        sealed = await asyncio.to_thread(self._seal, job, export.id, progress.pieces, piece)
        is_wanted = await self._store.add_piece(
            job,
            export.id,
            progress.attempt,
            progress.pieces,
            sealed,
            done_rows=progress.done_rows,
            size_bytes=progress.size_bytes,
        )
        if not is_wanted:
            raise _NoLongerWanted
        progress.pieces += 1

    async def _pieces(self, caller: Caller, export: Export, first: bytes) -> AsyncIterator[bytes]:
        yield first
        for number in range(1, export.pieces):
            yield await self._piece(caller, export, number)

    async def _piece(self, caller: Caller, export: Export, number: int) -> bytes:
        sealed = await self._store.read_piece(caller, export.id, number)
        if sealed is None:
            raise _not_found()
        place = _place(caller, export.id, number)
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except InvalidTag:
            raise ExportUnreadable(
                "This file was sealed with a secret that the server no longer has. Make another one."
            ) from None

    def _seal(self, job: Caller, export_id: str, number: int, piece: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, piece, _place(job, export_id, number))

    async def _require_owner(self, caller: Caller) -> None:
        if is_operator(caller):
            return
        require(caller, "admin")
        member = None
        if caller.member_id is not None:
            member = await self._members.find_member_by_id(caller, caller.member_id)
        if member is None or member.role != "owner":
            raise PermissionDenied(
                "Only an owner takes everything along: it holds what others keep to themselves, such as "
                "their conversations."
            )

    def _entry(self, caller: Caller, what: str, export_id: str, request_id: str | None) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=f"export.{what}",
            thing="export",
            thing_id=export_id,
            member_id=caller.member_id,
            request_id=request_id,
        )


class _Progress:
    """How far an attempt is."""

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self.done_rows = self.told_rows = self.size_bytes = self.pieces = 0


def _job(tenant_id: str) -> Caller:
    return Caller(tenant_id, "job:exports", frozenset())


def _place(caller: Caller, export_id: str, number: int) -> bytes:
    """What a piece is bound to: in another's place it does not open."""
    return f"{caller.tenant_id}\0{export_id}\0{number}".encode()


def _not_found() -> ExportNotFound:
    return ExportNotFound("There is no such export, or not any more: each is kept for a day.")
