"""Loading and saving deals, their customers and notes, and what a tenant wants of its forecasts."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Label,
    Row,
    RowMapping,
    Select,
    String,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    not_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.cashflow.deals.config import CashflowConfig, SavedConfig
from officium.apps.cashflow.deals.deal import (
    MOST_DEALS,
    Customer,
    Deal,
    DealDraft,
    DealFilter,
    Pipeline,
    SavedNote,
)
from officium.apps.cashflow.deals.errors import InvalidDeal
from officium.apps.cashflow.deals.importing import ImportedDeal
from officium.apps.cashflow.deals.tables import cashflow_configs, deal_customers, deal_notes, deals
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database
from officium.kit.errors import Conflict

MOST_NOTES_OF_DEAL = 1_000
_AT_ONCE = 500
_PAGE = 5_000


class Imported(Struct, frozen=True, kw_only=True):
    """What an import did."""

    added: int
    updated: int
    unchanged: int
    notes: int


class DealStore:
    """A tenant's deals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Any = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def find_config(self, caller: Caller) -> SavedConfig:
        """What the tenant wants of its forecasts; the default where it has said nothing."""
        query = select(cashflow_configs).where(cashflow_configs.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None:
            return SavedConfig()
        said = {"updated_at": row["updated_at"], "updated_by": row["updated_by"]}
        return SavedConfig.model_validate({**row["config"], **said})

    async def put_config(
        self, caller: Caller, config: CashflowConfig, now: datetime, entry: AuditEntry
    ) -> None:
        """Put a configuration in the place of the one before."""
        values = {"config": config.model_dump(mode="json"), "updated_at": now, "updated_by": caller.actor}
        put = (
            self._insert(cashflow_configs)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put)
            await record(caller, connection, entry)

    async def add_deal(self, caller: Caller, draft: DealDraft, now: datetime) -> Deal:
        """Insert a deal. Raises Conflict for an external id that is taken, InvalidDeal for too many."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _check_room(caller, connection, 1)
            await _check_external_id(caller, connection, draft.external_id, None)
            customers = await _customer_ids(caller, connection, [draft.customer])
            values = {**_values(draft, customers), "tenant_id": caller.tenant_id}
            made = await connection.execute(insert(deals).values(**values, created_at=now, updated_at=now))
        key = made.inserted_primary_key
        assert key is not None
        return Deal(**draft.model_dump(), id=key[0], created_at=now, updated_at=now)

    async def find_deal(self, caller: Caller, deal_id: int) -> Deal | None:
        """The tenant's deal with this id."""
        async with self._database.reading(caller.tenant_id) as connection:
            query = _deals(caller).where(deals.c.id == deal_id)
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _deal(row)

    async def list_deals(self, caller: Caller, wanted: DealFilter, after: int, limit: int) -> list[Deal]:
        """A page of the deals that are wanted, oldest first, beginning behind the id `after`."""
        query = _filtered(caller, _deals(caller), wanted).where(deals.c.id > after)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query.order_by(deals.c.id).limit(limit))).mappings().all()
        return list(map(_deal, rows))

    async def count_deals(self, caller: Caller, wanted: DealFilter) -> int:
        """How many deals are wanted."""
        query = (
            select(func.count())
            .select_from(_with_customer(caller))
            .where(deals.c.tenant_id == caller.tenant_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            counted = await connection.execute(_filtered(caller, query, wanted))
            return int(counted.scalar_one())

    async def update_deal(self, caller: Caller, before: Deal, draft: DealDraft, now: datetime) -> bool:
        """Put `draft` in the place of `before`; `False` where that was changed meanwhile. Raises Conflict."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _check_external_id(caller, connection, draft.external_id, before.id)
            customers = await _customer_ids(caller, connection, [draft.customer])
            query = (
                update(deals)
                .where(
                    deals.c.tenant_id == caller.tenant_id,
                    deals.c.id == before.id,
                    deals.c.updated_at == before.updated_at,
                )
                .values(**_values(draft, customers), updated_at=now)
            )
            return (await connection.execute(query)).rowcount > 0

    async def delete_deal(self, caller: Caller, deal_id: int, entry: AuditEntry) -> bool:
        """Delete a deal with its notes; whether there was one."""
        query = delete(deals).where(deals.c.tenant_id == caller.tenant_id, deals.c.id == deal_id)
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True

    async def import_deals(
        self, caller: Caller, imported: Sequence[ImportedDeal], now: datetime, entry: AuditEntry
    ) -> Imported:
        """Save all deals of a file or none. One whose external id is known is updated, the others are added.

        Raises InvalidDeal where there would be too many.
        """
        async with self._database.writing(caller.tenant_id) as connection:
            known = await _known_deals(caller, connection, imported)
            new = [each for each in imported if each.draft.external_id not in known]
            await _check_room(caller, connection, len(new))
            names = {each.draft.customer for each in imported}
            customers = await _customer_ids(caller, connection, sorted(names))
            ids = await _insert_deals(caller, connection, new, customers, now)
            changed = [
                (each, known[each.draft.external_id])
                for each in imported
                if each.draft.external_id in known
                and DealDraft.model_validate(known[each.draft.external_id].model_dump()) != each.draft
            ]
            for each, before in changed:
                await connection.execute(
                    update(deals)
                    .where(deals.c.tenant_id == caller.tenant_id, deals.c.id == before.id)
                    .values(**_values(each.draft, customers), updated_at=now)
                )
            notes = [(id, each.note) for id, each in zip(ids, new, strict=True) if each.note]
            old = {
                known[each.draft.external_id].id: each for each in imported if each.draft.external_id in known
            }
            notes += await _new_notes(caller, connection, old)
            await _insert_notes(caller, connection, notes, now)
            await record(caller, connection, entry)
        return Imported(
            added=len(new),
            updated=len(changed),
            unchanged=len(imported) - len(new) - len(changed),
            notes=len(notes),
        )

    async def add_note(
        self, caller: Caller, deal_id: int, text: str, written_on: date, now: datetime
    ) -> SavedNote | None:
        """Add a note; `None` where there is no such deal. Raises InvalidDeal where it has too many."""
        its_deal = select(deals.c.id).where(deals.c.tenant_id == caller.tenant_id, deals.c.id == deal_id)
        counting = (
            select(func.count())
            .select_from(deal_notes)
            .where(deal_notes.c.tenant_id == caller.tenant_id, deal_notes.c.deal_id == deal_id)
        )
        values = {
            "deal_id": deal_id,
            "text": text,
            "written_on": written_on,
            "written_by": caller.actor,
            "created_at": now,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(its_deal.with_for_update())).first() is None:
                return None
            if (await connection.execute(counting)).scalar_one() >= MOST_NOTES_OF_DEAL:
                raise InvalidDeal(f"A deal has at most {MOST_NOTES_OF_DEAL:,} notes.", param="text")
            made = await connection.execute(insert(deal_notes).values(tenant_id=caller.tenant_id, **values))
        key = made.inserted_primary_key
        assert key is not None
        return SavedNote(id=key[0], **values)  # type: ignore[arg-type]

    async def list_notes(self, caller: Caller, deal_id: int, after: int, limit: int) -> list[SavedNote]:
        """A page of a deal's notes, oldest first, beginning behind the id `after`."""
        query = (
            select(deal_notes)
            .where(
                deal_notes.c.tenant_id == caller.tenant_id,
                deal_notes.c.deal_id == deal_id,
                deal_notes.c.id > after,
            )
            .order_by(deal_notes.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [SavedNote.model_validate(dict(row)) for row in rows]

    async def delete_note(self, caller: Caller, deal_id: int, note_id: int) -> bool:
        """Delete a note; whether there was one."""
        query = delete(deal_notes).where(
            deal_notes.c.tenant_id == caller.tenant_id,
            deal_notes.c.deal_id == deal_id,
            deal_notes.c.id == note_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def load_notes(self, caller: Caller, deal_ids: Sequence[int]) -> dict[int, list[SavedNote]]:
        """The notes of these deals, oldest first."""
        found: dict[int, list[SavedNote]] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for ids in _chunks(deal_ids):
                query = (
                    select(deal_notes)
                    .where(deal_notes.c.tenant_id == caller.tenant_id, deal_notes.c.deal_id.in_(ids))
                    .order_by(deal_notes.c.id)
                )
                for row in (await connection.execute(query)).mappings():
                    note = SavedNote.model_validate(dict(row))
                    found.setdefault(note.deal_id, []).append(note)
        return found

    async def list_customers(self, caller: Caller, after: int, limit: int) -> list[Customer]:
        """A page of the tenant's customers, oldest first, beginning behind the id `after`."""
        is_open = case((deals.c.status.in_(("open", "invoiced")), 1), else_=0)
        query = (
            select(
                deal_customers.c.id,
                deal_customers.c.name,
                deal_customers.c.payment_terms_days,
                func.count(deals.c.id).label("deal_count"),
                func.coalesce(func.sum(is_open), 0).label("open_count"),
            )
            .select_from(deal_customers.outerjoin(deals, deals.c.customer_id == deal_customers.c.id))
            .where(deal_customers.c.tenant_id == caller.tenant_id, deal_customers.c.id > after)
            .group_by(deal_customers.c.id, deal_customers.c.name, deal_customers.c.payment_terms_days)
            .order_by(deal_customers.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Customer.model_validate(dict(row)) for row in rows]

    async def set_customer_terms(
        self, caller: Caller, customer_id: int, payment_terms_days: int | None, now: datetime
    ) -> bool:
        """Set the terms agreed with a customer; whether there is one."""
        query = (
            update(deal_customers)
            .where(deal_customers.c.tenant_id == caller.tenant_id, deal_customers.c.id == customer_id)
            .values(payment_terms_days=payment_terms_days)
        )
        touch = (
            update(deals)
            .where(deals.c.tenant_id == caller.tenant_id, deals.c.customer_id == customer_id)
            .values(updated_at=now)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await connection.execute(touch)
        return True

    async def list_pipelines(self, caller: Caller) -> list[Pipeline]:
        """The tenant's pipelines by name, and how many deals stand in each of their stages."""
        query = (
            select(deals.c.pipeline, deals.c.stage, deals.c.status, func.count())
            .where(deals.c.tenant_id == caller.tenant_id)
            .group_by(deals.c.pipeline, deals.c.stage, deals.c.status)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        stages: dict[str, dict[str, int]] = {}
        still_open: dict[str, int] = {}
        for pipeline, stage, status, count in rows:
            of_pipeline = stages.setdefault(pipeline, {})
            of_pipeline[stage] = of_pipeline.get(stage, 0) + count
            if status in ("open", "invoiced"):
                still_open[pipeline] = still_open.get(pipeline, 0) + count
        return [
            Pipeline(
                name=name,
                deal_count=sum(stages[name].values()),
                open_count=still_open.get(name, 0),
                stages=dict(sorted(stages[name].items())),
            )
            for name in sorted(stages)
        ]

    async def read_version(self, caller: Caller) -> tuple[int, int, datetime | None]:
        """Count, last id and last change: they differ whenever a deal was added, changed or deleted."""
        query = select(func.count(), func.max(deals.c.id), func.max(deals.c.updated_at)).where(
            deals.c.tenant_id == caller.tenant_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            count, last, changed = (await connection.execute(query)).one()
        return count, last or 0, changed

    async def list_ids(self, caller: Caller) -> Sequence[int]:
        """The ids of all deals."""
        query = select(deals.c.id).where(deals.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            return (await connection.execute(query)).scalars().all()

    async def stream_facts(
        self, caller: Caller, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Row[Any]]]:
        """Deals as rows, page by page, with the terms agreed for each or with its customer.

        All of them, or those that were changed since a moment. A page is of closed deals, which have only
        what the statistics need, or of open ones; these come last.

        `stage_changes` is left as the text of its JSON, and days as the driver gives them (SQLite's are
        texts): reading all of them is for a thread.
        """
        is_open = deals.c.status.in_(("open", "invoiced"))
        for query in (
            _facts(caller, _FACTS).where(not_(is_open)),
            _facts(caller, (*_FACTS, *_MORE)).where(is_open),
        ):
            recent = query if since is None else query.where(deals.c.updated_at >= since)
            after: int | None = 0
            while after is not None:
                page = recent.where(deals.c.id > after).order_by(deals.c.id).limit(_PAGE)
                async with self._database.reading(caller.tenant_id) as connection:
                    rows = (await connection.execute(page)).all()
                if rows:
                    yield rows
                after = rows[-1].id if len(rows) == _PAGE else None

    async def load_titles(
        self, caller: Caller, ids: Sequence[int]
    ) -> dict[int, tuple[str, str, date | None, str]]:
        """Title, owner, expected close and stage of some deals."""
        columns = (deals.c.id, deals.c.title, deals.c.owner_name, deals.c.expected_close_on, deals.c.stage)
        found: dict[int, tuple[str, str, date | None, str]] = {}
        for chunk in _chunks(ids):
            query = select(*columns).where(deals.c.tenant_id == caller.tenant_id, deals.c.id.in_(chunk))
            async with self._database.reading(caller.tenant_id) as connection:
                for id, *rest in await connection.execute(query):
                    found[id] = tuple(rest)
        return found


def _with_customer(caller: Caller) -> Any:
    its_own = deal_customers.c.tenant_id == caller.tenant_id
    return deals.outerjoin(deal_customers, and_(deals.c.customer_id == deal_customers.c.id, its_own))


def _deals(caller: Caller) -> Select[Any]:
    return (
        select(deals, deal_customers.c.name.label("customer"))
        .select_from(_with_customer(caller))
        .where(deals.c.tenant_id == caller.tenant_id)
    )


def _day(column: Column[date]) -> Label[str]:
    """A day as the driver has it: most come again and again, so their texts are not read one by one."""
    return type_coerce(column, String).label(column.name)


_FACTS: tuple[ColumnElement[Any], ...] = (
    *(deals.c.id, deals.c.pipeline, deals.c.value, deals.c.currency, _day(deals.c.created_on)),
    *(_day(deals.c.invoiced_on), _day(deals.c.paid_on), _day(deals.c.lost_on)),
    cast(deals.c.stage_changes, Text).label("stage_changes"),
    deal_customers.c.name.label("customer"),
    func.coalesce(deals.c.payment_terms_days, deal_customers.c.payment_terms_days).label("terms_days"),
)
_MORE: tuple[ColumnElement[Any], ...] = (
    *(deals.c.title, deals.c.stage, deals.c.owner_name),
    *(_day(deals.c.stage_changed_on), _day(deals.c.expected_close_on)),
)


def _facts(caller: Caller, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return select(*columns).select_from(_with_customer(caller)).where(deals.c.tenant_id == caller.tenant_id)


def _filtered(caller: Caller, query: Select[Any], wanted: DealFilter) -> Select[Any]:
    for column, value in (
        (deals.c.status, wanted.status),
        (deals.c.pipeline, wanted.pipeline),
        (deals.c.stage, wanted.stage),
        (deal_customers.c.name, wanted.customer),
        (deals.c.owner_name, wanted.owner_name),
        (deals.c.currency, wanted.currency),
    ):
        if value is not None:
            query = query.where(column == value)
    query = query.where(deals.c.tenant_id == caller.tenant_id)
    if wanted.text:
        query = query.where(deals.c.folded_title.contains(wanted.text.casefold(), autoescape=True))
    return query


def _deal(row: RowMapping) -> Deal:
    said = {name: row[name] for name in Deal.model_fields if name != "customer"}
    return Deal.model_validate(
        {
            **said,
            "customer": row["customer"] or "",
            "value": Decimal(row["value"]),
            "stage_changes": [{"entered_on": day, "stage": stage} for day, stage in row["stage_changes"]],
        }
    )


def _values(draft: DealDraft, customers: Mapping[str, int]) -> dict[str, Any]:
    values = draft.model_dump(exclude={"customer", "value", "stage_changes"})
    return {
        **values,
        "folded_title": draft.title.casefold(),
        "customer_id": customers.get(draft.customer),
        "value": f"{draft.value:f}",
        "status": draft.status,
        "stage_changes": [[change.entered_on.isoformat(), change.stage] for change in draft.stage_changes],
    }


async def _check_room(caller: Caller, connection: AsyncConnection, more: int) -> None:
    counting = select(func.count()).select_from(deals).where(deals.c.tenant_id == caller.tenant_id)
    if (await connection.execute(counting)).scalar_one() + more > MOST_DEALS:
        raise InvalidDeal(f"A tenant has at most {MOST_DEALS:,} deals.", param="title")


async def _check_external_id(
    caller: Caller, connection: AsyncConnection, external_id: str | None, own: int | None
) -> None:
    if external_id is None:
        return
    query = select(deals.c.id).where(
        deals.c.tenant_id == caller.tenant_id, deals.c.external_id == external_id
    )
    found = (await connection.execute(query)).scalar_one_or_none()
    if found is not None and found != own:
        raise Conflict(f"Deal {found} has this external id already. Change that one.", param="external_id")


async def _customer_ids(caller: Caller, connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """The ids of customers by name; those that are not known yet are made."""
    wanted = [name for name in dict.fromkeys(names) if name]
    found: dict[str, int] = {}
    for _ in range(2):
        missing = [name for name in wanted if name not in found]
        for chunk in _chunks(missing):
            query = select(deal_customers.c.name, deal_customers.c.id).where(
                deal_customers.c.tenant_id == caller.tenant_id, deal_customers.c.name.in_(chunk)
            )
            found.update((name, id) for name, id in (await connection.execute(query)).all())
        missing = [name for name in wanted if name not in found]
        if not missing:
            break
        rows = [{"tenant_id": caller.tenant_id, "name": name} for name in missing]
        dialect = connection.dialect.name
        make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        await connection.execute(
            make(deal_customers).on_conflict_do_nothing(index_elements=["tenant_id", "name"]), rows
        )
    return found


async def _known_deals(
    caller: Caller, connection: AsyncConnection, imported: Sequence[ImportedDeal]
) -> dict[str | None, Deal]:
    ids = [each.draft.external_id for each in imported if each.draft.external_id is not None]
    found: dict[str | None, Deal] = {}
    for chunk in _chunks(ids):
        query = _deals(caller).where(deals.c.external_id.in_(chunk))
        for row in (await connection.execute(query)).mappings():
            found[row["external_id"]] = _deal(row)
    return found


async def _insert_deals(
    caller: Caller,
    connection: AsyncConnection,
    new: Sequence[ImportedDeal],
    customers: Mapping[str, int],
    now: datetime,
) -> list[int]:
    """The ids of the new deals, in their order."""
    made = insert(deals).returning(deals.c.id, sort_by_parameter_order=True)
    ids: list[int] = []
    for chunk in _chunks(new):
        rows = [
            {
                **_values(each.draft, customers),
                "tenant_id": caller.tenant_id,
                "created_at": now,
                "updated_at": now,
            }
            for each in chunk
        ]
        ids.extend((await connection.execute(made, rows)).scalars())
    return ids


async def _new_notes(
    caller: Caller, connection: AsyncConnection, known: Mapping[int, ImportedDeal]
) -> list[tuple[int, str]]:
    """The notes that come with deals which are known, unless the deal has them already."""
    with_notes = {id: each.note for id, each in known.items() if each.note}
    has: set[tuple[int, str]] = set()
    for chunk in _chunks(list(with_notes)):
        query = select(deal_notes.c.deal_id, deal_notes.c.text).where(
            deal_notes.c.tenant_id == caller.tenant_id, deal_notes.c.deal_id.in_(chunk)
        )
        has.update((id, text) for id, text in (await connection.execute(query)).all())
    return [(id, note) for id, note in with_notes.items() if (id, note) not in has]


async def _insert_notes(
    caller: Caller, connection: AsyncConnection, notes: Sequence[tuple[int, str]], now: datetime
) -> None:
    rows = [
        {
            "tenant_id": caller.tenant_id,
            "deal_id": id,
            "text": text,
            "written_on": now.date(),
            "written_by": caller.actor,
            "created_at": now,
        }
        for id, text in notes
    ]
    for chunk in _chunks(rows):
        await connection.execute(insert(deal_notes), chunk)


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
