"""Tallies: what the usage log comes to, for pages that must not add it up each time."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0032"
down_revision = "0034"

_SUMS = {
    "requests": "CASE WHEN is_last THEN 1 ELSE 0 END",
    "errors": "CASE WHEN is_last AND status IN ('failed', 'refused') THEN 1 ELSE 0 END",
    "attempts": "CASE WHEN attempt > 0 THEN 1 ELSE 0 END",
    "failed_attempts": "CASE WHEN attempt > 0 AND status = 'failed' THEN 1 ELSE 0 END",
    "input_tokens": "coalesce(input_tokens, 0)",
    "output_tokens": "coalesce(output_tokens, 0)",
    "total_tokens": "coalesce(total_tokens, 0)",
    "cost_nano_usd": "coalesce(cost_nano_usd, 0)",
    "attempts_without_cost": "CASE WHEN attempt > 0 AND cost_nano_usd IS NULL THEN 1 ELSE 0 END",
    "saved_nano_usd": "coalesce(saved_nano_usd, 0)",
    "answered": "CASE WHEN status = 'success' THEN 1 ELSE 0 END",
    "duration_ms": "CASE WHEN status = 'success' THEN duration_ms ELSE 0 END",
    "first_tokens": "CASE WHEN status = 'success' AND ttft_ms IS NOT NULL THEN 1 ELSE 0 END",
    "ttft_ms": "CASE WHEN status = 'success' THEN coalesce(ttft_ms, 0) ELSE 0 END",
}
_KEYS = {
    "all": "''",
    "app": "app",
    "model": "provider || '/' || coalesce(model, '')",
    "provider": "provider",
    "client": "CAST(client_id AS VARCHAR)",
    "status": "status",
    "error": "error_code",
}
_STARTS = {
    "sqlite": {
        "slot": (
            "substr(created_at, 1, 14)"
            " || printf('%02d', CAST(substr(created_at, 15, 2) AS INTEGER) / 15 * 15) || ':00.000000'"
        ),
        "day": "substr(created_at, 1, 10) || ' 00:00:00.000000'",
    },
    "postgresql": {
        "slot": "date_bin('15 minutes', created_at, '2000-01-01T00:00:00Z')",
        "day": "date_bin('1 day', created_at, '2000-01-01T00:00:00Z')",
    },
}


def upgrade() -> None:
    op.create_table(
        "usage_tallies",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("span", sa.String(8), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(320), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "span", "starts_at", "key", name="pk_usage_tallies"),
    )
    op.create_index(
        "ix_usage_tallies_key", "usage_tallies", ["tenant_id", "kind", "span", "key", "starts_at"]
    )
    for kind, key in _KEYS.items():
        for span, starts_at in _STARTS[op.get_context().dialect.name].items():
            op.execute(sa.text(_fill(kind, key, span, starts_at).replace(":", r"\:")))
    protect("usage_tallies")


def downgrade() -> None:
    op.drop_table("usage_tallies")


def _fill(kind: str, key: str, span: str, starts_at: str) -> str:
    sums = ", ".join(f"sum({value})" for value in _SUMS.values())
    return (
        f"INSERT INTO usage_tallies (tenant_id, kind, span, starts_at, key, {', '.join(_SUMS)}) "  # noqa: S608
        f"SELECT tenant_id, '{kind}', '{span}', {starts_at}, {key}, {sums} FROM usage_log "
        f"WHERE {key} IS NOT NULL GROUP BY 1, 4, 5"
    )
