"""The whole server without a socket: every real part, asked in this process."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from officium.core.tenancy import KeyDigester, KeyService, KeyStore, Tenant, operator_of
from officium.kit.secrets import load_server_secret
from officium.main import Parts, build_app, build_parts, running
from officium.settings import Settings
from officium.web.app import WebApp
from tests.support.clock import HandClock
from tests.support.database import migrated_sqlite
from tests.support.web import Reply, ask

WITHOUT_RATE_LIMITS = {"rate_limit_chat": "off", "rate_limit_general": "off", "rate_limit_strict": "off"}
"""Settings for tests that are about something else, and ask more than a tenant may."""


@dataclass
class Resident:
    """A tenant, and a key of its own for each set of scopes that was asked for."""

    house: "House"
    tenant: Tenant
    _keys: dict[frozenset[str], str] = field(default_factory=dict)

    async def key(self, *scopes: str) -> str:
        """A key with these scopes; `admin` where none are named."""
        wanted = frozenset(scopes or ("admin",))
        if wanted not in self._keys:
            made = await self.house.parts.keys.create_key(
                operator_of(self.tenant.id), "test", scopes=sorted(wanted)
            )
            self._keys[wanted] = made.secret
        return self._keys[wanted]

    async def revoked_key(self) -> str:
        """A key that was revoked."""
        operator = operator_of(self.tenant.id)
        made = await self.house.parts.keys.create_key(operator, "revoked", scopes=["admin"])
        await self.house.parts.keys.revoke_key(operator, made.key.id)
        return made.secret

    async def expired_key(self) -> str:
        """A key whose time is long over."""
        parts = self.house.parts
        digester = KeyDigester(load_server_secret(parts.settings.secret_key_text, parts.settings.data_dir))
        long_ago = HandClock(datetime(2020, 1, 1, tzinfo=UTC))
        keys = KeyService(KeyStore(parts.database), digester, long_ago, parts.notices)
        made = await keys.create_key(
            operator_of(self.tenant.id),
            "expired",
            scopes=["admin"],
            expires_at=long_ago.now() + timedelta(days=1),
        )
        return made.secret

    async def ask(
        self, method: str, path: str, body: object = None, scopes: Collection[str] = (), **how: Any
    ) -> Reply:
        """One request with a key that has `scopes`, or may do everything."""
        return await ask(self.house.app, method, path, body, key=await self.key(*scopes), **how)


@dataclass(frozen=True)
class House:
    """The app and its parts."""

    app: WebApp
    parts: Parts

    async def resident(self, name: str) -> Resident:
        """A new tenant."""
        return Resident(self, await self.parts.tenancy.create_tenant(operator_of(""), name))

    async def suspend(self, resident: Resident) -> None:
        """Suspend a tenant."""
        await self.parts.tenancy.suspend_tenant(operator_of(""), resident.tenant.id)


@asynccontextmanager
async def open_house(
    data_dir: Path, database_url: str | None = None, **settings: Any
) -> AsyncIterator[House]:
    """The server with these settings, on SQLite in `data_dir` where no database is named.

    It has no rate limits unless the settings say so.
    """
    said: dict[str, Any] = {"_env_file": None, "data_dir": data_dir, "database_url": database_url}
    read = Settings(
        **said, **{"max_retries": 0, "knowledge_encoder": "none", **WITHOUT_RATE_LIMITS, **settings}
    )
    if database_url is None and not (data_dir / "officium.db").exists():
        await asyncio.to_thread(data_dir.mkdir, exist_ok=True)
        shutil.copy(await asyncio.to_thread(migrated_sqlite), data_dir / "officium.db")
    parts = build_parts(read)
    app = build_app(read, parts)
    async with running(parts):
        yield House(app, parts)
