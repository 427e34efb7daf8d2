"""No table of a tenant's is forgotten, and nothing secret goes along."""

import re
from pathlib import Path

from sqlalchemy import LargeBinary

from officium.core.config import SEALED_COLUMNS
from officium.core.tenancy.export.contents import FILES, LEFT_OUT
from officium.core.usage.contents.store import CONTENT_COLUMNS
from tests.support.rows import tenant_tables

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "reference" / "export.md"
SECRET = re.compile(r"hash|digest|secret|password|api_key$|sealed|wrapped")

HARMLESS = {("prompt_versions", "digest")}
"""That of a text which goes along itself."""


def test_every_table_of_a_tenant_goes_along_or_says_why_not() -> None:
    exported, known = {file.table for file in FILES}, {table.name for table in tenant_tables()}

    forgotten = sorted(known - exported - set(LEFT_OUT))

    assert forgotten == [], (
        "These tables belong to tenants. Add each to FILES in core/tenancy/export/contents.py, without its "
        "secrets, or to LEFT_OUT with a reason; and to docs/reference/export.md."
    )
    assert exported | set(LEFT_OUT) == known
    assert exported & set(LEFT_OUT) == set()
    assert len({file.name for file in FILES}) == len(FILES)
    assert all(LEFT_OUT.values())


def test_columns_with_secrets_are_left_out() -> None:
    tables = {table.name: table for table in tenant_tables()}

    secret = {
        (file.table, column.name)
        for file in FILES
        for column in tables[file.table].columns
        if isinstance(column.type, LargeBinary) or SECRET.search(column.name)
    } - HARMLESS

    assert secret == {("api_keys", "digest"), ("llm_configs", "api_key")}
    sealed = {(column.table, column.field) for column in (*SEALED_COLUMNS, *CONTENT_COLUMNS)}
    assert {(table, column) for table, column in sealed if table not in LEFT_OUT} <= secret
    left_out = {(file.table, column) for file in FILES for column in file.leaves_out}
    assert secret <= left_out
    assert {(table, column) for table, column in left_out if column not in tables[table].c} == set()


def test_document_names_every_file_and_what_is_left_out() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert [file.path for file in FILES if f"`{file.name}`" not in text] == []
    assert [table for table in LEFT_OUT if f"`{table}`" not in text] == []
    assert [
        f"{file.name}.{column}" for file in FILES for column in file.leaves_out if f"`{column}`" not in text
    ] == []
