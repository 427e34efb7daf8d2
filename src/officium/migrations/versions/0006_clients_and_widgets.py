"""An agency's clients, their widgets, and what these used.

`client_llm_usage` is a view over budgets, counters and widgets. A later step that rebuilds one of these
tables (on SQLite every `batch_alter_table` does) must drop the view before and make it again afterwards.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NOW = {"postgresql": "now()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
"""The moment in the form in which each database keeps moments."""


def upgrade() -> None:
    op.add_column("usage_log", sa.Column("client_id", sa.BigInteger()))
    op.add_column("usage_log", sa.Column("widget_id", sa.BigInteger()))
    op.create_index("ix_usage_log_widget", "usage_log", ["tenant_id", "widget_id", "created_at"])
    op.create_table(
        "clients",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("client_name", sa.String(200), nullable=False),
        sa.Column("time_zone", sa.String(64), server_default="UTC", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clients"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_clients_tenant_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clients_tenant", "clients", ["tenant_id", "id"])
    op.create_table(
        "widget_configs",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("client_id", _ID, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("widget_key", sa.String(64), nullable=False),
        sa.Column("llm_enabled", sa.Boolean(), nullable=False),
        sa.Column("llm_provider", sa.String(32)),
        sa.Column("llm_model", sa.String(256)),
        sa.Column("llm_temperature", sa.Float(), nullable=False),
        sa.Column("llm_max_tokens", sa.Integer(), nullable=False),
        sa.Column("fallback_to_knowledge_base", sa.Boolean(), nullable=False),
        sa.Column("business_info", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_widget_configs"),
        sa.UniqueConstraint("widget_key", name="uq_widget_configs_widget_key"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_widget_configs_tenant_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_widget_configs_client_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_widget_configs_client", "widget_configs", ["tenant_id", "client_id", "id"])
    op.execute(_usage_view(op.get_context().dialect.name))


def downgrade() -> None:
    op.execute("DROP VIEW client_llm_usage")
    op.drop_table("widget_configs")
    op.drop_table("clients")
    op.drop_index("ix_usage_log_widget", "usage_log")
    op.drop_column("usage_log", "widget_id")
    op.drop_column("usage_log", "client_id")


def _usage_view(dialect: str) -> str:
    """One row for each widget of each client. On PostgreSQL whoever asks sees what the tables show them."""
    now = _NOW[dialect]
    options = " WITH (security_invoker = true)" if dialect == "postgresql" else ""
    return f"""
CREATE VIEW client_llm_usage{options} AS
SELECT
    w.tenant_id,
    w.client_id,
    w.id AS widget_id,
    {_limit("tokens", "month")} AS monthly_token_limit,
    {_limit("tokens", "day")} AS daily_token_limit,
    {_limit("requests", "month")} AS monthly_request_limit,
    {_limit("requests", "day")} AS daily_request_limit,
    {_used("tokens", "day", now)} AS tokens_used_today,
    {_used("tokens", "month", now)} AS tokens_used_this_month,
    {_used("requests", "day", now)} AS requests_made_today,
    {_used("requests", "month", now)} AS requests_made_this_month,
    {_used("tokens", "total", now)} AS total_tokens_used,
    {_used("requests", "total", now)} AS total_requests_made,
    ({_exhausted(_OF_WIDGET, now)} OR {_exhausted(_OF_CLIENT, now)}) AS credits_exhausted
FROM widget_configs w
"""  # noqa: S608 - our own constants


_OF_WIDGET = "b.subject_kind = 'widget' AND b.subject_id = CAST(w.id AS VARCHAR)"
_OF_CLIENT = "b.subject_kind = 'client' AND b.subject_id = CAST(w.client_id AS VARCHAR)"


def _limit(unit: str, period: str) -> str:
    """The widget's own limit, else its client's."""

    def limit_of(subject: str) -> str:
        return f"""(SELECT b."limit" FROM budgets b WHERE b.tenant_id = w.tenant_id
        AND {subject} AND b.unit = '{unit}' AND b.period = '{period}')"""  # noqa: S608

    return f"coalesce({limit_of(_OF_WIDGET)}, {limit_of(_OF_CLIENT)})"


def _used(unit: str, period: str, now: str) -> str:
    """What the widget used in the period that runs now."""
    return f"""coalesce((SELECT max(c.used) FROM budgets b JOIN budget_counters c
        ON c.budget_id = b.id AND c.starts_at <= {now} AND {now} < c.ends_at
        WHERE b.tenant_id = w.tenant_id
        AND {_OF_WIDGET} AND b.unit = '{unit}' AND b.period = '{period}'), 0)"""  # noqa: S608


def _exhausted(subject: str, now: str) -> str:
    """Whether a hard limit of the subject is used up, or refused a call in its running period."""
    return f"""EXISTS (SELECT 1 FROM budgets b LEFT JOIN budget_counters c
        ON c.budget_id = b.id AND c.starts_at <= {now} AND {now} < c.ends_at
        WHERE b.tenant_id = w.tenant_id AND {subject} AND b.is_hard AND b."limit" IS NOT NULL
        AND (c.exhausted_at IS NOT NULL OR coalesce(c.used, 0) >= b."limit"))"""  # noqa: S608
