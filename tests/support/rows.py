"""A row for any table, made from nothing but its columns: for what must hold for all tables alike."""

import importlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

import officium
from officium.kit.database import metadata

FAR = datetime(2126, 11, 21, 12, tzinfo=UTC)
"""Nothing that runs out has done so, and nothing that waits is due."""
SPECIAL: Mapping[str, Any] = {}
"""Values of columns, as `table.column`, whose constraints refuse what stands there otherwise."""

_PACKAGE = Path(officium.__file__).parent


def all_tables() -> list[Table]:
    """Every table of Officium; those that others refer to come first."""
    for file in sorted(_PACKAGE.rglob("tables.py")):
        importlib.import_module(".".join(("officium", *file.relative_to(_PACKAGE).with_suffix("").parts)))
    return list(metadata.sorted_tables)


def owner_of(table: Table) -> Column[Any] | None:
    """The column that says whose a row is; `None` where rows are nobody's."""
    return table.c.id if table.name == "tenants" else table.c.get("tenant_id")


def tenant_tables() -> list[Table]:
    """The tables whose rows belong to tenants."""
    return [table for table in all_tables() if owner_of(table) is not None]


def a_row(table: Table, tenant_id: str, mark: str, number: int = 1) -> dict[str, Any]:
    """A row of the tenant's. Its texts begin with `mark`; `number` tells it from others of its table."""
    row = {
        column.name: SPECIAL.get(f"{table.name}.{column.name}", _value(column, tenant_id, mark, number))
        for column in table.columns
    }
    owner = owner_of(table)
    if owner is not None:
        row[owner.name] = tenant_id
    return row


async def fill_all(connection: AsyncConnection, tenant_id: str, mark: str, number: int = 1) -> None:
    """A row of the tenant's in every table that belongs to tenants."""
    for table in tenant_tables():
        await connection.execute(insert(table).values(a_row(table, tenant_id, mark, number)))


async def rows_of(connection: AsyncConnection, tenant_id: str) -> dict[str, list[Any]]:
    """All the tenant's rows, by table, in a steady order."""
    found = {}
    for table in tenant_tables():
        owner = owner_of(table)
        assert owner is not None
        rows = (await connection.execute(select(table).where(owner == tenant_id))).all()
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def _value(column: Column[Any], tenant_id: str, mark: str, number: int) -> Any:
    for key in column.foreign_keys:
        if key.column.table.name == "tenants":
            return tenant_id
        return _value(key.column, tenant_id, mark, number)
    text = f"{mark}-{column.name}-{number}"
    match column.type:
        case Boolean():
            return False
        case JSON():
            return [text]
        case BigInteger() | Integer() | Numeric() | Float():
            return number
        case LargeBinary():
            return text.encode()
        case Date():
            return FAR.date()
        case DateTime():
            return FAR
        case String(length=length):
            return text if length is None else text[:length]
        case other if "DateTime" in type(other).__name__:
            return FAR
    raise AssertionError(f"No value for {column} of {column.type!r} yet: add its type here.")
