"""Whose turn each job is."""

from sqlalchemy import Column, String, Table

from officium.kit.database import UtcDateTime, metadata

job_leases = Table(
    "job_leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("last_run_at", UtcDateTime, nullable=False),
)
"""A row for each job. `owner` does it, or did it last; nobody else may before `until`. It began at
`last_run_at`."""
