"""Is everything there, and if not, what to do."""

import asyncio
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from msgspec import Struct

from officium.cli.terminal import DataOption, JsonOption, say, say_json, say_table

if TYPE_CHECKING:
    from officium.core.gateway import ProviderAccess
    from officium.kit.database import Database
    from officium.settings import Settings

Verdict = Literal["ok", "off", "warning", "broken"]
_PROBE_TIMEOUT_S = 10.0


class Finding(Struct, frozen=True):
    """What was found of one part. `advice` says what to do, where something is to be done."""

    part: str
    verdict: Verdict
    what: str
    advice: str = ""


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(doctor)


def doctor(
    data: DataOption = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Ask each configured provider for its models (free of charge).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the installation and say what to do. Ends with status 1 when something needed is broken."""
    from officium.kit.logs import configure_logs

    configure_logs("CRITICAL")
    findings = asyncio.run(examine(data, probe=probe))
    is_broken = any(finding.verdict == "broken" for finding in findings)
    if as_json:
        say_json({"ok": not is_broken, "findings": findings})
    else:
        say_table(
            ("", "part", "found"),
            [
                (finding.verdict, finding.part, " ".join(filter(None, (finding.what, finding.advice))))
                for finding in findings
            ],
        )
        say("\nSomething needed is broken." if is_broken else "\nReady to serve.")
    if is_broken:
        raise typer.Exit(1)


async def examine(data: Path | None, *, probe: bool) -> list[Finding]:
    """Look at every part. Changes nothing, and asks providers only to `probe` them."""
    from officium.settings import SettingsInvalid, load_settings, unknown_variables

    findings = [_python()]
    try:
        settings = load_settings(data_dir=data)
    except SettingsInvalid as error:
        advice = "Correct it in the environment or in .env; .env.example explains each setting."
        return [*findings, *(Finding("settings", "broken", line, advice) for line in str(error).splitlines())]
    findings += [
        Finding("settings", "warning", f"{name} is no setting.", "Compare its name with .env.example.")
        for name in unknown_variables(os.environ)
    ]
    findings.append(_data_dir(settings))
    findings.append(_secret(settings))
    findings += await _database(settings)
    findings.append(await _redis(settings))
    findings += await _providers(settings, probe)
    return findings


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_implementation()} {platform.python_version()}")


def _data_dir(settings: "Settings") -> Finding:
    folder = settings.data_dir
    if settings.database_url and settings.secret_key:
        return Finding("data folder", "off", "Not needed: the database and the secret are elsewhere.")
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "data folder",
            "broken",
            f"{folder} cannot be written.",
            "Change its owner, or set OFFICIUM_DATA_DIR.",
        )
    if existing != folder:
        return Finding("data folder", "ok", f"{folder} will be made at the first start.")
    return Finding("data folder", "ok", str(folder))


def _secret(settings: "Settings") -> Finding:
    from officium.kit.secrets import MIN_SECRET_LENGTH, SecretUnusable, load_server_secret, secret_file

    file = secret_file(settings.data_dir)
    if settings.secret_key is None and not file.exists():
        return Finding("secret", "ok", f"{file} will be made at the first start.")
    try:
        load_server_secret(settings.secret_key_text, settings.data_dir)
    except SecretUnusable as error:
        return Finding("secret", "broken", error.message)
    if settings.secret_key is not None:
        return Finding("secret", "ok", f"OFFICIUM_SECRET_KEY, at least {MIN_SECRET_LENGTH} characters.")
    if file.stat().st_mode & 0o077:
        return Finding("secret", "warning", f"Others may read {file}.", f"Run: chmod 600 {file}")
    return Finding("secret", "ok", str(file))


async def _database(settings: "Settings") -> list[Finding]:
    from officium.kit import schema
    from officium.kit.database import Database
    from officium.kit.errors import OfficiumError

    try:
        database = Database.open(settings.resolved_database_url)
    except OfficiumError as error:
        return [Finding("database", "broken", error.message, "Correct OFFICIUM_DATABASE_URL.")]
    if database.path is not None and not database.path.exists():
        return [Finding("database", "ok", f"{database.path} will be made at the first start.")]
    try:
        await schema.check(database)
        isolation = await _isolation(database)
        sealing = await _sealing(settings, database)
    except schema.SchemaOutdated as error:
        return [Finding("database", "warning", error.message, "A server does so when it starts.")]
    except OfficiumError as error:
        return [Finding("database", "broken", error.message)]
    finally:
        await database.close()
    return [
        Finding("database", "ok", f"{database.dialect}, at revision {schema.head_revision()}."),
        isolation,
        sealing,
    ]


async def _isolation(database: "Database") -> Finding:
    """Whether the database keeps tenants apart by itself, beside the server that does so anyway."""
    import officium.main  # noqa: F401  (with it every table is known)
    from officium.kit.row_security import APP_ROLE
    from officium.kit.schema import unprotected_tables

    if database.dialect == "sqlite":
        return Finding("isolation", "off", "Kept by the server alone; PostgreSQL would keep it, too.")
    open_tables, count = await unprotected_tables(database)
    if not open_tables:
        return Finding("isolation", "ok", f"The database keeps tenants apart, in all {count} tables.")
    if len(open_tables) < count:
        what = f"These tables show the rows of all tenants: {', '.join(open_tables)}."
        return Finding("isolation", "warning", what, "Restore their policies; see docs/guides/operate.md.")
    return Finding(
        "isolation",
        "warning",
        "The database's user ignores row-level security, so the server alone keeps tenants apart.",
        f"Use one without BYPASSRLS, or as a superuser run: CREATE ROLE {APP_ROLE} NOLOGIN; "
        f"GRANT {APP_ROLE} TO that user; and start the server again.",
    )


async def _sealing(settings: "Settings", database: "Database") -> Finding:
    """Whether the secret is the one under which tenants' keys are sealed."""
    from officium.kit.clock import SystemClock
    from officium.kit.sealing import SecretChanged
    from officium.kit.secrets import secret_file
    from officium.main import build_key_rotation

    if settings.secret_key is None and not secret_file(settings.data_dir).exists():
        return Finding("sealed keys", "off", "There is no secret yet.")
    rotation = build_key_rotation(settings, database, SystemClock())
    try:
        count = await rotation.check()
    except SecretChanged as error:
        return Finding("sealed keys", "broken", error.message)
    if count > 1:
        what = "The sealing keys are being exchanged, or that was interrupted."
        return Finding("sealed keys", "warning", what, "Run: officium keys rotate")
    return Finding("sealed keys", "ok", "They open." if count else "None yet.")


async def _redis(settings: "Settings") -> Finding:
    if settings.redis_url_text is None:
        return Finding("redis", "off", "Not configured; only several processes need it (OFFICIUM_REDIS_URL).")
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    advice = "Check OFFICIUM_REDIS_URL and that it is running. Without it everything works, but slower."
    try:
        redis = Redis.from_url(settings.redis_url_text, socket_connect_timeout=5, socket_timeout=5)
    except ValueError:
        advice = "Write redis://user:password@host:6379/0."
        return Finding("redis", "broken", "OFFICIUM_REDIS_URL is no address of a Redis.", advice)
    try:
        await redis.ping()
    except (RedisError, OSError) as error:
        return Finding("redis", "warning", f"It does not answer ({type(error).__name__}).", advice)
    finally:
        await redis.aclose()
    return Finding("redis", "ok", "It answers.")


async def _providers(settings: "Settings", probe: bool) -> list[Finding]:
    from officium.cli.providers import provider_rows
    from officium.main import provider_access

    rows = provider_rows(settings)
    configured = [row for row in rows if row.is_configured]
    others = [row.name for row in rows if not row.is_configured]
    if probe:
        access = provider_access(settings)
        findings = await _probe_all(settings, {row.name: access[row.name] for row in configured})
    else:
        findings = [
            Finding(f"provider {row.name}", "ok", f"Configured by {row.source}; not asked (--probe asks).")
            for row in configured
        ]
    if not [row for row in configured if row.name != "mock"]:
        advice = "Set the key of a provider, such as FIREWORKS_API_KEY."
        what = "Only the scripted provider answers." if configured else "None is configured."
        findings.append(Finding("providers", "warning" if configured else "broken", what, advice))
    findings.append(Finding("providers", "off", f"Not configured: {', '.join(others)}."))
    return findings


async def _probe_all(settings: "Settings", access: "dict[str, ProviderAccess]") -> list[Finding]:
    from officium.core.llm.client import make_deployment
    from officium.core.llm.errors import LLMAuthenticationError, LLMError
    from officium.kit.clock import SystemClock
    from officium.main import build_dispatcher, build_transport

    transport = build_transport(settings)
    dispatcher = build_dispatcher(settings.model_copy(update={"max_retries": 0}), transport, SystemClock())

    async def ask(name: str, found: "ProviderAccess") -> Finding:
        part = f"provider {name}"
        deployment = make_deployment(name, found.default_model or "any", found.api_key, found.base_url)
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                models = list(await dispatcher.list_models(deployment))
        except LLMAuthenticationError as error:
            return Finding(part, "broken", f"It refuses the key. {error.message}", "Replace the key.")
        except LLMError as error:
            return Finding(part, "warning", f"It does not answer as it should. {error.message}")
        except TimeoutError:
            return Finding(part, "warning", f"It did not answer within {_PROBE_TIMEOUT_S:.0f} seconds.")
        return Finding(part, "ok", f"It answers and offers {len(models)} models.")

    try:
        return list(await asyncio.gather(*(ask(name, found) for name, found in access.items())))
    finally:
        await transport.close()
