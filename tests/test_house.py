"""The rules of the house that no linter knows: see docs/architecture.md, section "What a machine checks"."""

import ast
import importlib
import json
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import officium

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "officium"

FOR_ALL_TENANTS = {
    "CheckStore.list_stale_for_all_tenants": "a job of the installation asks whose knowledge has changed",
    "HandoverStore.list_untold_for_all_tenants": "a job of the installation asks whose visitors wait",
    "WidgetStore.find_public_for_all_tenants": "finding a widget by its key is how a visitor comes to be",
    "WidgetStore.list_retentions_for_all_tenants": "a sweep asks which widgets do not keep for ever",
    "_execute_for_all_tenants": "makes and drops the databases of a trial, in which there is nothing yet",
    "AlertStore.claim_for_all_tenants": "a job of the installation asks which tenant has an alert to deliver",
    "AnswerStore._put_events_for_all_tenants": "the words of that statement",
    "AnswerStore.forget_old_for_all_tenants": "old answers of all tenants are swept together",
    "AnswerStore.save_for_all_tenants": "what is said in all answers is written together; each names its own",
    "ContentStore.append_for_all_tenants": "contents of all tenants are written together; each names its own",
    "ContentStore.find_logged_tenant_for_all_tenants": "a sweep asks of whom there are lines",
    "ContentStore.list_terms_for_all_tenants": "a sweep asks which tenants keep what for how long",
    "ConversationStore.list_retentions_for_all_tenants": "a sweep asks which tenants do not keep for ever",
    "ConversationStore.read_tokens_for_all_tenants": "the operator stands above the tenants",
    "IdempotencyStore.forget_expired_for_all_tenants": "old answers of all tenants are swept together",
    "KeyStore.find_digests_for_all_tenants": "finding a key is how a caller comes to be",
    "KeyStore.touch_for_all_tenants": "when keys were last used is written for many keys at once",
    "ErasureStore.list_due_for_all_tenants": "a job of the installation asks whose time is over",
    "ErasureStore.list_erased_for_all_tenants": "the operator stands above the tenants",
    "ExportStore.list_due_for_all_tenants": "a job of the installation asks whose files are to be made",
    "ExportStore.list_expired_for_all_tenants": "the same job asks whose files are to be deleted",
    "LeaseStore.keep_for_all_tenants": "jobs belong to the installation, not to a tenant",
    "LeaseStore.take_for_all_tenants": "jobs belong to the installation, not to a tenant",
    "SealingStore.add_first_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.begin_rotation_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.find_key_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.get_active_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.hold_active_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.list_keys_for_all_tenants": "the sealing keys are the installation's",
    "SealingStore.list_stale_for_all_tenants": "a rotation visits everyone's sealed values",
    "SealingStore.replace_for_all_tenants": "a rotation visits everyone's sealed values",
    "SealingStore.retire_for_all_tenants": "the sealing keys are the installation's",
    "TenantStore.add_for_all_tenants": "the operator stands above the tenants",
    "TenantStore.find_for_all_tenants": "the operator stands above the tenants",
    "TenantStore.list_for_all_tenants": "the operator stands above the tenants",
    "TenantStore.suspend_for_all_tenants": "the operator stands above the tenants",
    "LedgerStore.list_overdue_for_all_tenants": "holds of processes that died are charged, whosever they are",
    "_SqliteBooks._write_for_all_tenants": "holds of all tenants are written together; each names its own",
    "_read_sqlite_for_all_tenants": "what such a batch needs to know",
    "_save_sqlite_for_all_tenants": "what such a batch has changed",
    "_PostgresBooks._try_for_all_tenants": "the same, on PostgreSQL",
    "_PostgresBooks._undo_for_all_tenants": "the same, taken back",
    "_read_postgres_for_all_tenants": "what such a batch needs to know, there",
    "_read_past_for_all_tenants": "the same, of holds that are no more",
    "_statements_for_all_tenants": "the words of those statements",
    "ReportStore.read_tokens_for_all_tenants": "the operator stands above the tenants",
    "IdentityStore.find_invited_for_all_tenants": "whoever comes from there has an address, not a tenant",
    "IdentityStore.find_members_for_all_tenants": "a provider names a person, not a tenant",
    "IdentityStore.spend_for_all_tenants": "an attempt is used before anybody is known",
    "SignInStore.find_passwords_for_all_tenants": "whoever signs in says a name, not a tenant",
    "SignInStore.find_session_for_all_tenants": "finding a session is how a caller comes to be",
    "SignInStore.list_memberships_for_all_tenants": "a person asks in which tenants they are",
    "SignInStore.has_passwords_for_all_tenants": "the first page asks whether anybody could sign in",
    "_with_people_for_all_tenants": "the words of those statements",
    "UsageStore.append_for_all_tenants": "records of all tenants are written together; each names its own",
    "_is_used_for_all_tenants": "a key is retired when nobody's values need it",
    "_append_for_all_tenants": "the same, on SQLite",
    "_insert_for_all_tenants": "the words of that statement",
    "add_to_postgresql_for_all_tenants": "what those records add to the tallies, in the same transaction",
    "shelve_in_postgresql_for_all_tenants": "what they add to the histograms, in the same transaction",
    "add_to_sqlite_for_all_tenants": "the same, on SQLite",
    "shelve_in_sqlite_for_all_tenants": "the same for the histograms, on SQLite",
}
"""Every store method that looks at tenants' tables without a `Caller`, and why. Keep it short."""

TABLES_WITHOUT_TENANT = {
    "tenants": "its id is the tenant",
    "sealing_keys": "one ring seals everyone's values",
    "spent_attempts": "an attempt is used before anybody is known",
    "job_leases": "jobs belong to the installation, not to a tenant",
    "erased_tenants": "it says of tenants that are gone that they were",
}

_STATEMENTS = {"select", "insert", "update", "delete", "text", "exists"}
_EXECUTIONS = {
    "execute",
    "executemany",
    "exec_driver_sql",
    "scalar",
    "scalars",
    "stream",
    "copy_records_to_table",
    "fetchrow",
    "fetchval",
}
_SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s"
    r"|(CREATE|ALTER|DROP|TRUNCATE)\s+TABLE|SET\s+(LOCAL|ROLE)\s)"
)
_NO_PLACE_FOR = re.compile(
    "|".join(
        (
            r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|yarnpkg\.com|docker\.io|quay\.io|ghcr\.io|\bregistry\.[a-z-]+\.(org|com|io)",
            r"(?<![\w.}])/(work|root|opt|home)/",
        )
    )
)


def _files() -> Iterator[Path]:
    """The files of the repository that are text and were written here."""
    skipped = {"__pycache__", "vendor", "minilm", "node_modules", ".hypothesis"}
    folders = ("src", "tests", "docs", "bench", "deploy", ".ci")
    inside = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    for path in sorted({*ROOT.glob("*"), *ROOT.glob(".[!.]*"), *inside}):
        if path.is_file() and not skipped & set(path.parts) and path.name not in {"uv.lock", ".env"}:
            yield path


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "versions" not in path.parts)


def _stores() -> list[Path]:
    return [path for path in _modules() if path.name == "store.py"]


def test_every_module_opens_with_a_sentence() -> None:
    def opening(path: Path) -> str:
        return (ast.get_docstring(_parsed(path)) or "").split("\n\n")[0]

    without = [
        _id(path) for path in _modules() if not re.match(r"[A-Z`*].* .*[.:]", opening(path), re.DOTALL)
    ]

    assert without == []


def test_every_module_has_a_name_that_says_something() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

    assert [_id(path) for path in _modules() if empty & {path.stem, path.parent.name}] == []


def test_files_name_no_registry_and_no_workplace() -> None:
    found = [
        f"{_id(path)}:{number}: {line.strip()[:100]}"
        for path in _files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if _NO_PLACE_FOR.search(line)
    ]

    assert found == []


def test_nothing_is_left_to_do() -> None:
    found = [
        f"{_id(path)}:{number}"
        for path in _files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
    ]

    assert found == []


def test_tests_mirror_the_source() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}

    without = {str(folder) for folder in folders if not (SOURCE / folder).is_dir()}

    assert without <= {"browser", "sdk"}, (
        "Only what goes through the whole house from outside has a folder of its own."
    )


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        re.split(r"[^\w.-]", line)[0].lower().replace("_", "-")
        for line in (*project["dependencies"], *project["optional-dependencies"]["otel"])
    }
    distributions = packages_distributions()

    undeclared = {
        name
        for path in _modules()
        for name in _imported(_parsed(path))
        if not declared & {found.lower().replace("_", "-") for found in distributions.get(name, [name])}
    }

    assert undeclared - {"officium", "pydantic_core", *sys.stdlib_module_names} == set()


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_architecture_has_no_exceptions() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert [contract["name"] for contract in contracts if "ignore_imports" in contract] == []


def test_browser_assets_are_pinned_without_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_browser_assets_were_fetched() -> None:
    vendor = SOURCE / "web" / "static" / "vendor"

    fetched = {str(path.relative_to(vendor)) for path in vendor.rglob("*")}

    assert fetched >= {
        "swagger-ui/swagger-ui-bundle.js",
        "swagger-ui/swagger-ui.css",
        "swagger-ui/LICENSE",
        "htmx/htmx.min.js",
        "tabler/tabler.min.css",
        "icons/sprite.svg",
        "icons/LICENSE",
    }


def test_every_table_belongs_to_a_tenant() -> None:
    from officium.kit.database import metadata

    for module in pkgutil.walk_packages(officium.__path__, "officium."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)

    assert metadata.tables
    assert [
        table.name
        for table in metadata.sorted_tables
        if "tenant_id" not in table.c and table.name not in TABLES_WITHOUT_TENANT
    ] == []


def test_every_statement_is_made_for_a_caller() -> None:
    found = set().union(*(statements_without_caller(_parsed(path)) for path in _stores()))

    assert found == set(FOR_ALL_TENANTS)


def test_what_is_for_all_tenants_says_so() -> None:
    assert [name for name in FOR_ALL_TENANTS if not name.endswith("_for_all_tenants")] == []


def test_every_transaction_is_entered_for_the_tenant_of_its_caller() -> None:
    exempt = {SOURCE / "kit" / "database.py", SOURCE / "kit" / "schema.py"}

    found = {
        f"{_id(path)}: {place}"
        for path in _modules()
        if path not in exempt
        for place in transactions_for_others(_parsed(path))
    }

    assert found == set()


def test_sql_is_written_in_stores_alone() -> None:
    found = {
        f"{_id(path)}:{line}"
        for path in _modules()
        if path.name not in {"store.py", "tables.py"}
        and path.relative_to(SOURCE).parts[0] not in {"kit", "migrations"}
        for line in lines_with_sql(_parsed(path))
    }

    assert found == set()


def transactions_for_others(module: ast.Module) -> set[str]:
    """Where `reading` or `writing` is not handed `caller.tenant_id`, nor `ALL_TENANTS` by what says so."""
    names = {id(part): node.name for _, node in _functions(module) for part in ast.walk(node)}
    found = set()
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or _called(node) not in {"reading", "writing"}:
            continue
        name = names.get(id(node), f"line {node.lineno}")
        asked = ", ".join(ast.unparse(part) for part in (*node.args, *node.keywords))
        is_for_all = asked == "ALL_TENANTS" and name.endswith("_for_all_tenants")
        if asked != "caller.tenant_id" and not is_for_all:
            found.add(f"{name}({asked})")
    return found


def lines_with_sql(module: ast.Module) -> set[int]:
    """The lines where a string begins like a statement in SQL."""
    return {
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value)
    }


def statements_without_caller(module: ast.Module) -> set[str]:
    """The functions and methods of a store that touch tables without taking and using a `Caller`.

    A function touches tables when it names one, makes a statement or executes one. It is in order when its
    first parameter (after `self`) is `caller: Caller`, and it uses `caller.tenant_id` or hands the caller on.
    A statement outside any function is reported as the line it stands on.
    """
    tables = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(("tables", "sqlalchemy.sql"))
        for alias in node.names
    }
    found = set()
    for owner, node in _functions(module):
        if _touches_tables(node, tables) and not _is_made_for_a_caller(node):
            found.add(f"{owner}{node.name}")
    inside = {id(part) for _, node in _functions(module) for part in ast.walk(node)}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and id(node) not in inside and _called(node) in _STATEMENTS:
            found.add(f"line {node.lineno}")
    return found


def _functions(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.", part


def _touches_tables(function: ast.AST, tables: set[str]) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in tables)
        or (isinstance(node, ast.Call) and _called(node) in _STATEMENTS | _EXECUTIONS)
        for node in ast.walk(function)
    )


def _is_made_for_a_caller(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    parameters = [argument for argument in function.args.args if argument.arg != "self"]
    takes_caller = bool(parameters) and ast.unparse(parameters[0]) == "caller: Caller"
    return takes_caller and any(_uses_caller(node) for node in ast.walk(function))


def _uses_caller(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="caller"), attr="tenant_id"):
            return True
        case ast.Call(args=arguments):
            return any(isinstance(argument, ast.Name) and argument.id == "caller" for argument in arguments)
    return False


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param(
            "def get(caller: Caller): return select(drafts).where(drafts.c.tenant_id == caller.tenant_id)",
            set(),
            id="for-a-caller",
        ),
        pytest.param("async def get(id: str):\n return select(drafts)", {"get"}, id="no-caller"),
        pytest.param("async def get(caller: Caller):\n return select(drafts)", {"get"}, id="unused-caller"),
        pytest.param("class Store:\n def get(self, id): return drafts.c.id", {"Store.get"}, id="method"),
        pytest.param("class Store:\n def get(self, c): c.execute('SELECT 1')", {"Store.get"}, id="raw-text"),
        pytest.param(
            "def get(caller: Caller): return insert(drafts).values(by=caller.actor)", {"get"}, id="actor"
        ),
        pytest.param(
            "def get(caller: Caller): return select(drafts).where(mine(caller))", set(), id="hands-it-on"
        ),
        pytest.param("ALL = select(drafts)", {"line 2"}, id="outside-a-method"),
        pytest.param("COLUMNS = [column for column in drafts.columns]", set(), id="columns-alone"),
    ],
)
def test_check_of_statements_finds_what_it_should(source: str, found: set[str]) -> None:
    module = ast.parse(f"from officium.apps.writer.tables import drafts\n{source}")

    assert statements_without_caller(module) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param(
            "async def get(self, caller):\n async with self._database.reading(caller.tenant_id) as c: pass",
            set(),
            id="for-a-caller",
        ),
        pytest.param(
            "async def sweep_for_all_tenants(self):\n async with self._database.writing(ALL_TENANTS): pass",
            set(),
            id="for-all",
        ),
        pytest.param(
            "async def get(self, caller):\n async with self._database.reading(ALL_TENANTS) as c: pass",
            {"get(ALL_TENANTS)"},
            id="does-not-say-that-it-is-for-all",
        ),
        pytest.param(
            "class Store:\n async def get(self, tenant):\n  async with self._database.reading(tenant): pass",
            {"get(tenant)"},
            id="any-tenant",
        ),
        pytest.param("opened = database.writing('*')", {"line 1('*')"}, id="outside-a-function"),
    ],
)
def test_check_of_transactions_finds_what_it_should(source: str, found: set[str]) -> None:
    assert transactions_for_others(ast.parse(source)) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("query = 'SELECT * FROM drafts'", {1}, id="plain"),
        pytest.param("query = f'DELETE FROM {table}'", {1}, id="put-together"),
        pytest.param("query = '  UPDATE drafts SET text = 1'", {1}, id="indented"),
        pytest.param("words = 'Select a model, or update your key.'", set(), id="english"),
    ],
)
def test_check_of_sql_finds_what_it_should(source: str, found: set[int]) -> None:
    assert lines_with_sql(ast.parse(source)) == found
