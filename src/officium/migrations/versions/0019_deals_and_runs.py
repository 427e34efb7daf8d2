"""Deals with their customers and notes, and the runs of cash-flow predictions."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0019"
down_revision = "0017"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("deal_customers", "deals", "deal_notes", "cashflow_configs", "cashflow_runs")


def upgrade() -> None:
    _create_deals()
    _create_notes()
    _create_runs()
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_deals() -> None:
    op.create_table(
        "deal_customers",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("payment_terms_days", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_deal_customers"),
        _of("deal_customers", "tenant_id", "tenants"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deal_customers_name", "deal_customers", ["tenant_id", "name"], unique=True)
    op.create_table(
        "deals",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("folded_title", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.String(200), nullable=False),
        sa.Column("stage", sa.String(200), nullable=False),
        sa.Column("customer_id", _ID),
        sa.Column("owner_name", sa.String(200), nullable=False),
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("stage_changed_on", sa.Date(), nullable=False),
        sa.Column("expected_close_on", sa.Date()),
        sa.Column("invoiced_on", sa.Date()),
        sa.Column("paid_on", sa.Date()),
        sa.Column("lost_on", sa.Date()),
        sa.Column("payment_terms_days", sa.Integer()),
        sa.Column("stage_changes", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deals"),
        _of("deals", "tenant_id", "tenants"),
        _of("deals", "customer_id", "deal_customers", "SET NULL"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deals_status", "deals", ["tenant_id", "status", "id"])
    op.create_index("ix_deals_external_id", "deals", ["tenant_id", "external_id"], unique=True)
    op.create_index("ix_deals_updated", "deals", ["tenant_id", "updated_at"])
    op.create_index("ix_deals_customer", "deals", ["customer_id"])


def _create_notes() -> None:
    op.create_table(
        "deal_notes",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("deal_id", _ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_on", sa.Date(), nullable=False),
        sa.Column("written_by", sa.String(128), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deal_notes"),
        _of("deal_notes", "tenant_id", "tenants"),
        _of("deal_notes", "deal_id", "deals"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deal_notes_deal", "deal_notes", ["deal_id", "id"])


def _create_runs() -> None:
    op.create_table(
        "cashflow_configs",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_cashflow_configs"),
        _of("cashflow_configs", "tenant_id", "tenants"),
    )
    op.create_table(
        "cashflow_runs",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("today", sa.Date(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cashflow_runs"),
        _of("cashflow_runs", "tenant_id", "tenants"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cashflow_runs_kind", "cashflow_runs", ["tenant_id", "kind", "id"])


def _of(table: str, column: str, parent: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete=ondelete)
