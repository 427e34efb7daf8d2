"""Loading and saving the vectors of knowledge bases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from officium.apps.widget.knowledge.tables import kb_entries, kb_vectors
from officium.core.knowledge import KeptVector
from officium.core.tenancy import Caller
from officium.kit.database import Database

_IDS_AT_ONCE = 500
"""Databases take only so many values in one statement."""


class VectorStore:
    """Packed vectors of texts, in bytes. They leave with their entry, its widget and its tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Any = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def read(self, caller: Caller, base_id: int, encoder: str) -> dict[bytes, bytes]:
        """The vectors that `encoder` made for a widget's knowledge base, by the digests of their texts."""
        query = select(kb_vectors.c.digest, kb_vectors.c.vector).where(
            kb_vectors.c.tenant_id == caller.tenant_id,
            kb_vectors.c.widget_id == base_id,
            kb_vectors.c.encoder == encoder,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row.digest: row.vector for row in await connection.execute(query)}

    async def put(
        self, caller: Caller, base_id: int, version: int, encoder: str, vectors: Sequence[KeptVector]
    ) -> None:
        """Keep vectors in the place of older ones; of an entry that is gone or newer than `version`, none."""
        ids = sorted({each.entry_id for each in vectors})
        insert = self._insert(kb_vectors)
        put = insert.on_conflict_do_update(
            index_elements=["entry_id", "digest"],
            set_={name: insert.excluded[name] for name in ("encoder", "vector")},
        )
        async with self._database.writing(caller.tenant_id) as connection:
            there: set[int] = set()
            for start in range(0, len(ids), _IDS_AT_ONCE):
                query = select(kb_entries.c.id).where(
                    kb_entries.c.tenant_id == caller.tenant_id,
                    kb_entries.c.widget_id == base_id,
                    kb_entries.c.id.in_(ids[start : start + _IDS_AT_ONCE]),
                    kb_entries.c.version <= version,
                )
                # Locked, so that an entry is neither changed nor deleted between this and its vectors.
                there.update((await connection.execute(query.with_for_update(read=True))).scalars())
            rows = [
                {
                    "tenant_id": caller.tenant_id,
                    "widget_id": base_id,
                    "entry_id": each.entry_id,
                    "digest": each.digest,
                    "encoder": encoder,
                    "vector": each.vector,
                }
                for each in vectors
                if each.entry_id in there
            ]
            if rows:
                await connection.execute(put, rows)
