"""How long calls took, in buckets, and how long they waited before their first attempt."""

from math import ceil

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0040"
down_revision = "0041b"

_BOUNDS = tuple(sorted({ceil(2 ** (step / 8)) for step in range(161)}))
_MEASURES = {"answer": "duration_ms", "first_token": "ttft_ms"}


def upgrade() -> None:
    op.add_column("usage_log", sa.Column("queued_ms", sa.Integer()))
    op.create_table(
        "usage_histograms",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("span", sa.String(8), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("measure", sa.String(16), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "span", "starts_at", "measure", "bucket", name="pk_usage_histograms"
        ),
    )
    dialect = op.get_context().dialect.name
    for measure, column in _MEASURES.items():
        statement = _fill(measure, _bucket(dialect, column), _SLOT[dialect], column)
        op.execute(sa.text(statement.replace(":", r"\:")))
    op.execute(sa.text(_SUM_OF_DAYS.format(starts_at=_DAY[dialect]).replace(":", r"\:")))
    protect("usage_histograms")


def downgrade() -> None:
    op.drop_table("usage_histograms")
    op.drop_column("usage_log", "queued_ms")


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
_SUM_OF_DAYS = (
    "INSERT INTO usage_histograms (tenant_id, span, starts_at, measure, bucket, times) "
    "SELECT tenant_id, 'day', {starts_at}, measure, bucket, sum(times) FROM usage_histograms "
    "WHERE span = 'slot' GROUP BY 1, 3, 4, 5"
)


def _bucket(dialect: str, column: str) -> str:
    """How many bounds the column has reached."""
    if dialect == "postgresql":
        return f"width_bucket({column}, ARRAY[{', '.join(map(str, _BOUNDS))}])"
    return _halved(column, 0, len(_BOUNDS))


def _halved(column: str, low: int, high: int) -> str:
    """The same in eight comparisons, for a database without `width_bucket`."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    above, below = _halved(column, middle + 1, high), _halved(column, low, middle)
    return f"CASE WHEN {column} >= {_BOUNDS[middle]} THEN {above} ELSE {below} END"


def _fill(measure: str, bucket: str, starts_at: str, column: str) -> str:
    return (
        "INSERT INTO usage_histograms (tenant_id, span, starts_at, measure, bucket, times) "  # noqa: S608
        f"SELECT tenant_id, 'slot', {starts_at}, '{measure}', {bucket}, count(*) FROM usage_log "
        f"WHERE status = 'success' AND {column} IS NOT NULL GROUP BY 1, 3, 5"
    )
