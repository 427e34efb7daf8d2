"""Tallies of each widget, and of how lines ended, for reports that must not add up the log each time."""

import sqlalchemy as sa
from alembic import op

revision = "0043b"
down_revision = "0048"

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
_ENDING = (
    "status || CASE WHEN attempt > 0 THEN '/tried/' ELSE '/untried/' END"
    " || CASE WHEN error_code = 'out_of_credits' THEN 'exhausted' ELSE '' END"
)
_KEYS = {
    "widget": "CAST(widget_id AS VARCHAR)",
    "ending": "coalesce(provider, '') || '/' || ending",
    "widget_ending": "CAST(widget_id AS VARCHAR) || '/' || ending",
}
_SLOT = {
    "sqlite": (
        "substr(created_at, 1, 14)"
        " || printf('%02d', CAST(substr(created_at, 15, 2) AS INTEGER) / 15 * 15) || ':00.000000'"
    ),
    "postgresql": "date_bin('15 minutes', created_at, '2000-01-01T00:00:00Z')",
}
_DAY = {
    "sqlite": "substr(starts_at, 1, 10) || ' 00:00:00.000000'",
    "postgresql": "date_bin('1 day', starts_at, '2000-01-01T00:00:00Z')",
}


def upgrade() -> None:
    """Read the log once; all that follows is made of what came of it."""
    dialect = op.get_context().dialect.name
    each = ", ".join(f"sum({value}) AS {name}" for name, value in _SUMS.items())
    _run(
        f"CREATE TEMPORARY TABLE counted AS SELECT tenant_id, {_SLOT[dialect]} AS starts_at, provider, "  # noqa: S608
        f"widget_id, {_ENDING} AS ending, {each} FROM usage_log GROUP BY 1, 2, 3, 4, 5"
    )
    names = ", ".join(_SUMS)
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    into = f"INSERT INTO usage_tallies (tenant_id, kind, span, starts_at, key, {names})"
    for kind, key in _KEYS.items():
        for span, starts_at in (("slot", "starts_at"), ("day", _DAY[dialect])):
            _run(
                f"{into} SELECT tenant_id, '{kind}', '{span}', {starts_at}, {key}, {sums} FROM counted "  # noqa: S608
                f"WHERE {key} IS NOT NULL GROUP BY 1, 4, 5"
            )
    op.execute(sa.text("DROP TABLE counted"))


def downgrade() -> None:
    op.execute(sa.text(f"DELETE FROM usage_tallies WHERE kind IN ({', '.join(map(repr, _KEYS))})"))  # noqa: S608


def _run(statement: str) -> None:
    op.execute(sa.text(statement.replace(":", r"\:")))
