"""Loading and saving drafts, what became of them, and rules of style."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import RowMapping, and_, delete, func, insert, or_, select, update

from officium.apps.writer.calibration import Outcome
from officium.apps.writer.draft import KEPT, Draft, Feedback
from officium.apps.writer.style import MOST_RULES, SEEN_ENOUGH, Habit, StyleRule
from officium.apps.writer.tables import writer_drafts, writer_feedback, writer_style_rules
from officium.core.tenancy import Caller
from officium.core.tenancy.tables import tenants
from officium.kit.database import Database
from officium.kit.ids import new_id

LEARNT_FROM = 2000
"""A calibration is made of the latest so many outcomes of a kind."""


class DraftStore:
    """A tenant's drafts and what was learnt from them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, draft: Draft) -> None:
        """Keep a draft; the tenant's that are older than ninety days are forgotten."""
        old = and_(
            writer_drafts.c.tenant_id == caller.tenant_id,
            writer_drafts.c.created_at < draft.created_at - KEPT,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(delete(writer_drafts).where(old))
            await connection.execute(
                insert(writer_drafts).values(tenant_id=caller.tenant_id, **asdict(draft))
            )

    async def find(self, caller: Caller, draft_id: str, owner_id: str | None) -> Draft | None:
        """A draft of the tenant's; of one owner and of nobody in particular unless `owner_id` is `None`."""
        query = select(writer_drafts).where(
            writer_drafts.c.tenant_id == caller.tenant_id, writer_drafts.c.id == draft_id
        )
        if owner_id is not None:
            query = query.where(or_(writer_drafts.c.owner_id == owner_id, writer_drafts.c.owner_id == ""))
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else Draft(**{name: row[name] for name in Draft.__struct_fields__})

    async def put_feedback(self, caller: Caller, feedback: Feedback) -> bool:
        """Write down what became of a draft, in the place of what was said before; whether this is new."""
        mine = and_(
            writer_feedback.c.tenant_id == caller.tenant_id,
            writer_feedback.c.draft_id == feedback.draft_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            gone = await connection.execute(delete(writer_feedback).where(mine))
            await connection.execute(
                insert(writer_feedback).values(tenant_id=caller.tenant_id, **asdict(feedback))
            )
        return gone.rowcount == 0

    async def outcomes(self, caller: Caller, kind: str | None, *, is_raw: bool) -> list[Outcome]:
        """The latest outcomes of a kind, or of all: with the raw confidence or the one that was shown."""
        shown = writer_feedback.c.raw_confidence if is_raw else writer_feedback.c.confidence
        query = select(shown, writer_feedback.c.worth).where(
            writer_feedback.c.tenant_id == caller.tenant_id, writer_feedback.c.raw_confidence > 0
        )
        if kind is not None:
            query = query.where(writer_feedback.c.kind == kind)
        query = query.order_by(writer_feedback.c.created_at.desc()).limit(LEARNT_FROM)
        async with self._database.reading(caller.tenant_id) as connection:
            return [Outcome(confidence, worth) for confidence, worth in await connection.execute(query)]

    async def list_rules(self, caller: Caller, owner_id: str) -> list[StyleRule]:
        """All rules of an owner, oldest first."""
        query = (
            select(writer_style_rules)
            .where(
                writer_style_rules.c.tenant_id == caller.tenant_id,
                writer_style_rules.c.owner_id == owner_id,
            )
            .order_by(writer_style_rules.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_rule(row) for row in (await connection.execute(query)).mappings()]

    async def see(self, caller: Caller, owner_id: str, habits: Sequence[Habit], now: datetime) -> None:
        """Write down that habits were seen once more. One that was seen often enough begins to count."""
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update()
            )
            of_owner = and_(
                writer_style_rules.c.tenant_id == caller.tenant_id,
                writer_style_rules.c.owner_id == owner_id,
            )
            known = {
                row["habit"]: _rule(row)
                for row in (await connection.execute(select(writer_style_rules).where(of_owner))).mappings()
            }
            for habit in habits:
                before = known.get(habit.name)
                if before is None:
                    if len(known) < MOST_RULES:
                        rule = _new_rule(owner_id, habit, now)
                        known[habit.name] = rule
                        await connection.execute(
                            insert(writer_style_rules).values(tenant_id=caller.tenant_id, **asdict(rule))
                        )
                    continue
                is_same = before.rule == habit.rule
                times = before.times + 1 if is_same else 1
                is_on = before.is_on if before.is_chosen else times >= SEEN_ENOUGH
                await connection.execute(
                    update(writer_style_rules)
                    .where(
                        writer_style_rules.c.tenant_id == caller.tenant_id,
                        writer_style_rules.c.id == before.id,
                    )
                    .values(rule=habit.rule, times=times, is_on=is_on, updated_at=now)
                )

    async def add_rule(self, caller: Caller, rule: StyleRule) -> bool:
        """Add a rule that somebody wrote; `False` where its owner has too many."""
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                select(tenants.c.id).where(tenants.c.id == caller.tenant_id).with_for_update()
            )
            counting = select(func.count()).where(
                writer_style_rules.c.tenant_id == caller.tenant_id,
                writer_style_rules.c.owner_id == rule.owner_id,
            )
            if (await connection.execute(counting)).scalar_one() >= MOST_RULES:
                return False
            await connection.execute(
                insert(writer_style_rules).values(tenant_id=caller.tenant_id, **asdict(rule))
            )
        return True

    async def switch_rule(
        self, caller: Caller, owner_id: str, rule_id: str, is_on: bool, now: datetime
    ) -> StyleRule | None:
        """Switch a rule on or off for good; `None` where the owner has none with this id."""
        mine = and_(
            writer_style_rules.c.tenant_id == caller.tenant_id,
            writer_style_rules.c.owner_id == owner_id,
            writer_style_rules.c.id == rule_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                update(writer_style_rules).where(mine).values(is_on=is_on, is_chosen=True, updated_at=now)
            )
            row = (await connection.execute(select(writer_style_rules).where(mine))).mappings().first()
        return None if row is None else _rule(row)

    async def delete_rule(self, caller: Caller, owner_id: str, rule_id: str) -> bool:
        """Delete a rule; whether there was one."""
        mine = and_(
            writer_style_rules.c.tenant_id == caller.tenant_id,
            writer_style_rules.c.owner_id == owner_id,
            writer_style_rules.c.id == rule_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(delete(writer_style_rules).where(mine))).rowcount > 0


def _new_rule(owner_id: str, habit: Habit, now: datetime) -> StyleRule:
    return StyleRule(
        id=new_id("sty"),
        owner_id=owner_id,
        habit=habit.name,
        rule=habit.rule,
        times=1,
        is_on=False,
        is_chosen=False,
        created_at=now,
        updated_at=now,
    )


def _rule(row: RowMapping) -> StyleRule:
    return StyleRule(**{name: row[name] for name in StyleRule.__struct_fields__})
