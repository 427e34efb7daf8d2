"""Workflow rules, their versions, and the catalogue of what they may use."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0018"
down_revision = "0014"

_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("rule_catalogues", "rules", "rule_versions")


def upgrade() -> None:
    op.create_table(
        "rule_catalogues",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_rule_catalogues"),
        _of("rule_catalogues", "tenant_id", "tenants"),
    )
    op.create_table(
        "rules",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("workflow_name", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("approved_version", sa.Integer()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
        _of("rules", "tenant_id", "tenants"),
    )
    op.create_index("ix_rules_tenant", "rules", ["tenant_id", "id"])
    op.create_table(
        "rule_versions",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("rule_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("follows", sa.Integer()),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("model", sa.String(256)),
        sa.Column("tests", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "version", name="pk_rule_versions"),
        _of("rule_versions", "tenant_id", "tenants"),
        _of("rule_versions", "rule_id", "rules"),
    )
    op.create_index("ix_rule_versions_tenant", "rule_versions", ["tenant_id", "rule_id", "version"])
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )
