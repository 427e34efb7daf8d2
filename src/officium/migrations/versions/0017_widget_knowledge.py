"""The widgets' knowledge bases, and what became of them over time."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0017"
down_revision = "0018"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("kb_entries", "kb_versions", "kb_changes")


def upgrade() -> None:
    op.create_table(
        "kb_entries",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        *_owners(),
        sa.Column("phrasings", sa.JSON(), nullable=False),
        sa.Column("folded_question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("language", sa.String(32)),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("source_url", sa.Text()),
        sa.Column("valid_from", _MOMENT),
        sa.Column("valid_to", _MOMENT),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kb_entries"),
        *_keys("kb_entries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_kb_entries_widget", "kb_entries", ["tenant_id", "widget_id", "id"])
    op.create_table(
        "kb_versions",
        *_owners(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("widget_id", "version", name="pk_kb_versions"),
        *_keys("kb_versions"),
    )
    op.create_table(
        "kb_changes",
        *_owners(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("entry", sa.JSON()),
        sa.PrimaryKeyConstraint("widget_id", "version", "entry_id", name="pk_kb_changes"),
        *_keys("kb_changes"),
    )
    op.create_index("ix_kb_changes_entry", "kb_changes", ["widget_id", "entry_id", "version"])
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _owners() -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column("tenant_id", sa.String(64), nullable=False), sa.Column("widget_id", _ID, nullable=False)


def _keys(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["widget_id"], ["widget_configs.id"], name=f"fk_{table}_widget_id", ondelete="CASCADE"
        ),
    )
