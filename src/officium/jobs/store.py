"""Taking turns: a lease is taken, kept and given back with one statement each."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite

from officium.jobs.tables import job_leases
from officium.kit.database import ALL_TENANTS, Database


class LeaseStore:
    """The leases of the jobs. Jobs belong to the installation: no tenant has any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_for_all_tenants(
        self, name: str, owner: str, *, now: datetime, last_start: datetime, lease_s: float
    ) -> bool:
        """Take the lease of a job that nobody is doing and that began no later than `last_start`.

        Whether it was taken. A row that lies far in the future was written by a clock that was wrong: it is
        passed over, or the job would rest until then. Raises DatabaseUnavailable.
        """
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {"owner": owner, "until": now + timedelta(seconds=lease_s), "last_run_at": now}
        is_free = or_(
            job_leases.c.until <= now,
            job_leases.c.until > now + timedelta(seconds=2 * lease_s),
        )
        is_due = or_(
            job_leases.c.last_run_at <= last_start,
            job_leases.c.last_run_at > now + (now - last_start),
        )
        query = (
            insert(job_leases)
            .values(name=name, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values, where=is_free & is_due)
            .returning(job_leases.c.name)
        )
        async with self._database.writing(ALL_TENANTS) as connection:
            return (await connection.execute(query)).first() is not None

    async def keep_for_all_tenants(self, name: str, owner: str, until: datetime) -> bool:
        """Keep a lease until a later moment, or give it back by an earlier one; whether it was ours."""
        query = (
            update(job_leases)
            .where(job_leases.c.name == name, job_leases.c.owner == owner)
            .values(until=until)
        )
        async with self._database.writing(ALL_TENANTS) as connection:
            return (await connection.execute(query)).rowcount > 0
