"""What batches of operations do to counters, holds and entries."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from officium.core.usage.ledger.books import UNITS, read_counters, triple
from officium.core.usage.ledger.budget import THE_TENANT, Amounts, Subject
from officium.core.usage.ledger.operation import (
    ExtendHold,
    Granted,
    MustWait,
    Operation,
    PlaceHold,
    Refused,
    ReleaseHold,
    SettleHold,
)
from tests.support.ledger import (
    A_LABEL,
    MINUTE,
    NOON,
    MemoryLedger,
    a_budget,
    a_need,
    to_expire,
    to_extend,
    to_place,
    to_renew,
    to_reset,
    to_settle,
)

A_KEY = Subject("key", "ak_1")
DAY = timedelta(days=1)


def used_and_held(ledger: MemoryLedger, budget_id: str = "bud_1") -> tuple[int, int]:
    counter = ledger.counter(budget_id)
    return counter.used, counter.held


# Placing holds


def test_a_hold_sets_the_worst_case_aside():
    ledger = MemoryLedger(a_budget(limit=1000))

    granted = ledger.do(to_place("h1", a_need(100, output=300)))

    assert granted == Granted(Amounts(400, 1, 0), 300, '[["bud_1","2026-11-21","tokens"]]', is_limited=True)
    assert used_and_held(ledger) == (0, 400)


def test_a_hold_shrinks_to_the_room_there_is():
    ledger = MemoryLedger(a_budget(limit=150))

    granted = ledger.do(to_place("h1", a_need(100, output=300)))

    assert (granted.output_tokens, granted.amounts.tokens) == (50, 150)


def test_the_tightest_of_all_budgets_decides():
    ledger = MemoryLedger(
        a_budget("tokens", limit=10_000),
        a_budget("money", limit=1_000, unit="nano_usd", period="month"),
        a_budget("requests", limit=1, unit="requests", subject=A_KEY),
    )
    need = a_need(100, output=300, price=7, nano_usd=90)

    granted = ledger.do(to_place("h1", need, subjects=(THE_TENANT, A_KEY)))

    assert granted.amounts == Amounts(230, 1, 1_000)
    assert used_and_held(ledger, "money") == (0, 1_000)
    assert ledger.do(to_place("h2", need, subjects=(THE_TENANT, A_KEY))).budget_id == "money"


def test_no_answer_shorter_than_asked_for_is_granted():
    ledger = MemoryLedger(a_budget(limit=109))

    refused = ledger.do(to_place("h1", a_need(100, least=10)))

    assert refused == Refused(
        budget_id="bud_1",
        subject=THE_TENANT,
        unit="tokens",
        period="day",
        limit=109,
        used=0,
        held=0,
        need=110,
        resets_at=NOON.replace(hour=0) + DAY,
        is_exhausted=True,
    )
    assert ledger.holds == {}


def test_an_answer_that_is_asked_to_be_short_needs_no_more():
    ledger = MemoryLedger(a_budget(limit=105))

    assert ledger.do(to_place("h1", a_need(100, output=5, least=64))).output_tokens == 5


def test_what_never_begins_anew_says_so():
    ledger = MemoryLedger(a_budget(limit=0, period="total"))

    assert ledger.do(to_place("h1")).resets_at is None


@pytest.mark.parametrize(
    "budget", [pytest.param({"limit": None}, id="no-limit"), pytest.param({"is_hard": False}, id="soft")]
)
def test_budgets_that_refuse_nothing_count_all(budget: dict[str, Any]):
    ledger = MemoryLedger(a_budget(**{"limit": 1, **budget}))

    granted = ledger.do(to_place("h1"))

    assert (granted.output_tokens, granted.is_limited) == (300, False)
    assert used_and_held(ledger) == (0, 400)


def test_a_call_without_budgets_leaves_a_trace():
    ledger = MemoryLedger()

    ledger.do(to_place("h1"))
    ledger.do(to_settle("h1", Amounts(90, 1, 5)))

    assert ledger.holds == {}
    assert [(one.kind, one.tokens, one.counters) for one in ledger.entries] == [("settled", 90, "[]")]


def test_a_free_call_passes_an_overdrawn_budget_of_money():
    ledger = MemoryLedger(a_budget(limit=10, unit="nano_usd"))
    ledger.do(to_place("h1", a_need(nano_usd=10)))
    ledger.do(to_settle("h1", Amounts(1, 1, 11)))

    assert isinstance(ledger.do(to_place("h2", a_need(price=0))), Granted)
    assert ledger.do(to_place("h3", a_need(price=1))).is_exhausted


def test_a_hold_of_one_tenant_leaves_those_of_another_alone():
    ledger = MemoryLedger(a_budget("bud_1", limit=400), a_budget("bud_2", limit=400, tenant_id="ten_2"))

    answers = ledger.write(to_place("h1"), to_place("h2", tenant_id="ten_2"))

    assert [answer.output_tokens for answer in answers] == [300, 300]
    assert used_and_held(ledger, "bud_2") == (0, 400)


def test_holds_of_one_batch_see_each_other():
    ledger = MemoryLedger(a_budget(limit=900))

    answers = ledger.write(to_place("h1"), to_place("h2"), to_place("h3"))

    assert [getattr(answer, "output_tokens", None) for answer in answers] == [300, 300, None]
    assert used_and_held(ledger) == (0, 800)


def test_holds_on_both_sides_of_midnight_lie_on_their_own_days():
    ledger = MemoryLedger(a_budget(limit=400))
    late, early = NOON.replace(hour=23, minute=59), NOON.replace(hour=0) + DAY

    answers = ledger.write(
        to_place("h1", created_at=late), to_place("h2", created_at=early), to_place("h3", created_at=late)
    )

    assert [type(answer) for answer in answers] == [Granted, Granted, Refused]
    assert sorted(ledger.counters) == [("bud_1", "2026-11-21"), ("bud_1", "2026-11-22")]


# Waiting


def test_a_hold_waits_for_room_that_others_hold():
    ledger = MemoryLedger(a_budget(limit=600))
    ledger.do(to_place("h1"))

    assert ledger.do(to_place("h2", may_wait=True)) == MustWait((THE_TENANT,))
    assert ledger.do(to_place("h2", may_wait=False)).output_tokens == 100


def test_a_hold_does_not_wait_for_room_that_is_used_up():
    ledger = MemoryLedger(a_budget(limit=600))
    ledger.do(to_place("h1"))
    ledger.do(to_settle("h1", Amounts(400, 1, 0)))

    assert ledger.do(to_place("h2", may_wait=True)).output_tokens == 100


def test_nobody_overtakes_those_who_wait():
    ledger = MemoryLedger(a_budget(limit=600), a_budget("bud_2", limit=100, subject=A_KEY))
    ledger.do(to_place("h1"))

    answers = ledger.write(
        to_place("large", a_need(200), may_wait=True),
        to_place("small", a_need(10, output=10), may_wait=True),
        to_place("elsewhere", a_need(10, output=10), may_wait=True, subjects=(A_KEY,)),
    )

    assert [type(answer) for answer in answers] == [MustWait, MustWait, Granted]


def test_only_used_up_room_marks_a_budget_exhausted():
    ledger = MemoryLedger(a_budget(limit=400))
    ledger.do(to_place("h1"))

    assert not ledger.do(to_place("h2")).is_exhausted
    assert ledger.counter().exhausted_at is None
    ledger.do(to_settle("h1", Amounts(400, 1, 0)))
    assert ledger.do(to_place("h3")).is_exhausted
    assert ledger.counter().exhausted_at == NOON


def test_an_exhausted_budget_with_a_higher_limit_is_not_exhausted_any_more():
    ledger = MemoryLedger(a_budget(limit=10))
    ledger.do(to_place("h1"))
    ledger.budgets["bud_1"] = a_budget(limit=1000)

    ledger.do(to_place("h2"))

    assert ledger.counter().exhausted_at is None


# Extending


def test_a_hold_is_extended_where_there_is_room():
    ledger = MemoryLedger(a_budget(limit=500))
    ledger.do(to_place("h1"))

    assert ledger.do(to_extend("h1", Amounts(tokens=100))) is True
    assert ledger.do(to_extend("h1", Amounts(tokens=1))) is False
    assert used_and_held(ledger) == (0, 500)


def test_an_extension_that_one_budget_lacks_takes_from_none():
    ledger = MemoryLedger(a_budget("a", limit=1000), a_budget("b", limit=5, unit="nano_usd"))
    ledger.do(to_place("h1"))

    assert ledger.do(to_extend("h1", Amounts(tokens=1, nano_usd=6))) is False
    assert used_and_held(ledger, "a") == (0, 400)


def test_what_is_no_more_cannot_be_extended():
    assert MemoryLedger().do(to_extend("h1", Amounts(tokens=1))) is False


# Settling


def test_settling_books_what_was_used_and_frees_the_rest():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))

    ledger.do(to_settle("h1", Amounts(250, 1, 9)))

    assert used_and_held(ledger) == (250, 0)
    entry = ledger.entries[0]
    assert (entry.kind, entry.tokens, entry.nano_usd, entry.source) == ("settled", 250, 9, "provider")
    assert (entry.request_id, entry.model) == (A_LABEL.request_id, A_LABEL.model)


def test_settling_twice_is_settling_once():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))
    settle = to_settle("h1", Amounts(250, 1, 9))

    ledger.write(settle, settle)
    ledger.do(settle)

    assert used_and_held(ledger) == (250, 0)
    assert len(ledger.entries) == 1


def test_a_provider_that_took_more_than_it_was_allowed_is_booked_truthfully():
    ledger = MemoryLedger(a_budget(limit=400))
    ledger.do(to_place("h1"))

    ledger.do(to_settle("h1", Amounts(1_234, 1, 0)))

    assert used_and_held(ledger) == (1_234, 0)


def test_settling_after_midnight_books_on_the_day_of_admission():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))

    ledger.do(to_settle("h1", Amounts(250, 1, 9), at=NOON + DAY))

    assert {key: one.used for key, one in ledger.counters.items()} == {("bud_1", "2026-11-21"): 250}


def test_a_hold_whose_row_was_lost_is_booked_on_the_counters_it_had():
    ledger = MemoryLedger(a_budget())
    counters = ledger.do(to_place("h1")).counters
    ledger.do(ReleaseHold(hold_id="h1", tenant_id="ten_1"))

    ledger.do(to_settle("h1", Amounts(250, 1, 9), counters=counters))
    ledger.do(to_settle("h1", Amounts(250, 1, 9), counters=counters))

    assert used_and_held(ledger) == (250, 0)


def test_a_hold_that_never_was_is_not_settled():
    ledger = MemoryLedger(a_budget())

    ledger.do(to_settle("h1", Amounts(250, 1, 9)))

    assert ledger.entries == []


def test_a_released_hold_leaves_no_entry():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))

    ledger.do(ReleaseHold(hold_id="h1", tenant_id="ten_1"))

    assert used_and_held(ledger) == (0, 0)
    assert (ledger.holds, ledger.entries) == ({}, [])


def test_settling_a_hold_of_a_deleted_budget_books_the_rest():
    ledger = MemoryLedger(a_budget("a"), a_budget("b"))
    ledger.do(to_place("h1"))
    del ledger.budgets["a"], ledger.counters["a", "2026-11-21"]

    ledger.do(to_settle("h1", Amounts(250, 1, 9)))

    assert used_and_held(ledger, "b") == (250, 0)


def test_an_amount_that_no_column_holds_is_refused():
    ledger = MemoryLedger(a_budget(limit=None))
    ledger.do(to_place("h1"))

    with pytest.raises(OverflowError):
        ledger.do(to_settle("h1", Amounts(10**30, 1, 0)))


# Expiring


def test_an_expired_hold_is_charged_in_full():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))

    assert ledger.do(to_expire("h1", NOON + MINUTE)) is True

    assert used_and_held(ledger) == (400, 0)
    assert (ledger.entries[0].kind, ledger.entries[0].source) == ("unknown", "estimated")


def test_an_expired_stream_is_charged_what_it_was_known_to_have_streamed():
    ledger = MemoryLedger(a_budget(), a_budget("requests", limit=5, unit="requests"))
    ledger.do(to_place("h1", is_stream=True))
    ledger.do(to_renew("h1", Amounts(tokens=130, nano_usd=7), NOON + MINUTE))

    ledger.do(to_expire("h1", NOON + MINUTE))

    assert used_and_held(ledger) == (130, 0)
    assert used_and_held(ledger, "requests") == (1, 0)


def test_a_hold_that_was_renewed_does_not_expire():
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))
    ledger.do(to_renew("h1", Amounts(), NOON + 2 * MINUTE))

    assert ledger.do(to_expire("h1", NOON + MINUTE)) is False
    assert used_and_held(ledger) == (0, 400)


@pytest.mark.parametrize(("spent", "difference"), [(250, -150), (400, 0), (500, 100)])
def test_what_was_unknown_is_corrected_once_it_is_known(spent: int, difference: int):
    ledger = MemoryLedger(a_budget())
    ledger.do(to_place("h1"))
    ledger.do(to_expire("h1", NOON + MINUTE))
    settle = to_settle("h1", Amounts(spent, 1, 0))

    ledger.do(settle)
    ledger.write(settle, to_settle("h1", Amounts(1, 1, 0)))

    assert used_and_held(ledger) == (spent, 0)
    assert [(one.kind, one.tokens) for one in ledger.entries] == [
        ("unknown", 400),
        ("correction", difference),
    ]


# Resetting


def test_a_reset_takes_back_what_was_used_and_leaves_what_is_held():
    ledger = MemoryLedger(a_budget("day", limit=800), a_budget("month", period="month"))
    ledger.write(to_place("h1"), to_place("h2"))
    ledger.do(to_settle("h1", Amounts(400, 1, 0)))
    ledger.do(to_place("h3", a_need(500)))

    ledger.do(to_reset("r1", (("day", "2026-11-21"), "tokens")))

    assert used_and_held(ledger, "day") == (0, 400)
    assert used_and_held(ledger, "month") == (400, 400)
    assert ledger.counter("day").exhausted_at is None
    assert (ledger.entries[-1].kind, ledger.entries[-1].tokens) == ("reset", -400)


def test_another_tenants_counter_is_not_reset():
    ledger = MemoryLedger(a_budget(tenant_id="ten_2"))
    ledger.do(to_place("h1", tenant_id="ten_2"))
    ledger.do(to_settle("h1", Amounts(400, 1, 0)))

    ledger.do(to_reset("r1", (("bud_1", "2026-11-21"), "tokens")))

    assert used_and_held(ledger) == (400, 0)


def test_a_correction_does_not_give_back_what_a_reset_gave_back():
    ledger = MemoryLedger(a_budget("day"), a_budget("month", period="month"))
    ledger.do(to_place("h1"))
    ledger.do(to_expire("h1", NOON + MINUTE))
    ledger.do(to_reset("r1", (("day", "2026-11-21"), "tokens")))

    ledger.do(to_settle("h1", Amounts(250, 1, 0)))

    assert used_and_held(ledger, "day") == (0, 0)
    assert used_and_held(ledger, "month") == (250, 0)
    ledger.check()


# Alerts


def test_each_threshold_alerts_once():
    ledger = MemoryLedger(a_budget(limit=1000, alert_at=(50, 80, 100)))

    for number, tokens in enumerate([499, 1, 100, 250, 150, 10]):
        ledger.do(to_place(f"h{number}", a_need(tokens=0, output=tokens, least=0)))
        ledger.do(to_settle(f"h{number}", Amounts(tokens, 1, 0)))

    assert [(one.threshold, one.used, one.limit) for one in ledger.alerts] == [
        (50, 500, 1000),
        (80, 850, 1000),
        (100, 1000, 1000),
    ]


def test_thresholds_passed_at_once_alert_each():
    ledger = MemoryLedger(a_budget(limit=400, is_hard=False))
    ledger.do(to_place("h1"))

    ledger.do(to_settle("h1", Amounts(500, 1, 0)))

    assert [one.threshold for one in ledger.alerts] == [80, 100]


def test_a_reset_budget_alerts_again():
    ledger = MemoryLedger(a_budget(limit=400, alert_at=(80,)))
    for number in range(2):
        ledger.do(to_place(f"h{number}"))
        ledger.do(to_settle(f"h{number}", Amounts(400, 1, 0)))
        ledger.do(to_reset(f"r{number}", (("bud_1", "2026-11-21"), "tokens")))

    assert [one.threshold for one in ledger.alerts] == [80, 80]


RECENT = st.integers(0, 3)
"""One of the latest holds that were granted."""


class Interleaving(RuleBasedStateMachine):
    """Anything that can happen to holds, in any order, in batches of any size, with faults in between."""

    @initialize(limits=st.tuples(*[st.integers(0, 1_500)] * 4))
    def begin(self, limits: tuple[int, int, int, int]) -> None:
        self.ledger = MemoryLedger(
            a_budget("tenant-day", limits[0]),
            a_budget("tenant-month", limits[1] // 200, unit="requests", period="month"),
            a_budget("key-money", limits[2], unit="nano_usd", period="total", subject=A_KEY),
            a_budget("key-day", limits[3], subject=A_KEY, time_zone="America/New_York"),
            a_budget("key-soft", 100, subject=A_KEY, period="month", is_hard=False),
            a_budget("key-count", None, subject=A_KEY, unit="requests"),
        )
        self.now = NOON
        self.made = 0
        self.granted: dict[str, str] = {}
        self.waiting: list[Operation] = []

    @rule(
        fixed=st.integers(0, 300),
        output=st.integers(0, 500),
        least=st.integers(0, 64),
        price=st.integers(0, 3),
        subjects=st.sampled_from([(THE_TENANT,), (A_KEY,), (THE_TENANT, A_KEY)]),
        is_stream=st.booleans(),
        may_wait=st.booleans(),
        is_last=st.booleans(),
    )
    def place(
        self, fixed: int, output: int, least: int, price: int, subjects: Any,
        is_stream: bool, may_wait: bool, is_last: bool,
    ) -> None:  # fmt: skip
        self.made += 1
        operation = to_place(
            f"h{self.made}",
            a_need(fixed, output, least, price, nano_usd=fixed),
            subjects=subjects,
            is_stream=is_stream,
            may_wait=may_wait,
            created_at=self.now,
            expires_at=self.now + MINUTE,
        )
        self._add(is_last, operation)

    @precondition(lambda self: self.granted)
    @rule(recent=RECENT, tokens=st.integers(0, 300), money=st.integers(0, 300), is_last=st.booleans())
    def extend(self, recent: int, tokens: int, money: int, is_last: bool) -> None:
        self._add(is_last, to_extend(self._hold(recent), Amounts(tokens, 0, money)))

    @precondition(lambda self: self.granted)
    @rule(
        recent=RECENT,
        tokens=st.integers(0, 900),
        money=st.integers(0, 900),
        times=st.integers(1, 2),
        is_last=st.booleans(),
    )
    def settle(self, recent: int, tokens: int, money: int, times: int, is_last: bool) -> None:
        hold_id = self._hold(recent)
        operation = to_settle(hold_id, Amounts(tokens, 1, money), counters=self.granted[hold_id], at=self.now)
        self._add(is_last, *[operation] * times)

    @precondition(lambda self: self.granted)
    @rule(recent=RECENT, is_last=st.booleans())
    def release(self, recent: int, is_last: bool) -> None:
        hold_id = self._hold(recent)
        del self.granted[hold_id]
        self._add(is_last, ReleaseHold(hold_id=hold_id, tenant_id="ten_1"))

    @precondition(lambda self: self.granted)
    @rule(recent=RECENT, tokens=st.integers(0, 900), is_last=st.booleans())
    def renew(self, recent: int, tokens: int, is_last: bool) -> None:
        self._add(is_last, to_renew(self._hold(recent), Amounts(tokens, 0, tokens), self.now + MINUTE))

    @precondition(lambda self: self.granted)
    @rule(recent=RECENT, minutes=st.integers(0, 1), is_last=st.booleans())
    def expire(self, recent: int, minutes: int, is_last: bool) -> None:
        self._add(is_last, to_expire(self._hold(recent), self.now + minutes * MINUTE))

    @rule(budget_id=st.sampled_from(["tenant-day", "key-money", "key-day"]), is_last=st.booleans())
    def reset(self, budget_id: str, is_last: bool) -> None:
        self.made += 1
        keys = [key for key in self.ledger.counters if key[0] == budget_id]
        unit = self.ledger.budgets[budget_id].unit
        self._add(is_last, to_reset(f"r{self.made}", *((key, unit) for key in keys), at=self.now))

    @rule(
        budget_id=st.sampled_from(["tenant-day", "tenant-month", "key-money", "key-day"]),
        limit=st.none() | st.integers(0, 4_000),
    )
    def change_limit(self, budget_id: str, limit: int | None) -> None:
        self.ledger.budgets[budget_id] = replace(self.ledger.budgets[budget_id], limit=limit)

    @rule(minutes=st.sampled_from([-3_000, -1, 0, 1, 5, 600, 50_000]))
    def move_clock(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule()
    def lose_connection(self) -> None:
        """Nothing was written: holds fail, settlements and releases are kept."""
        self._keep_for_later()

    @rule()
    def lose_confirmation(self) -> None:
        """All was written, but nobody knows: what failed is released, and what was kept is written again."""
        placed = [one.id for one in self.waiting if isinstance(one, PlaceHold)]
        self.ledger.write(*self.waiting)
        self._keep_for_later()
        self.waiting += [ReleaseHold(hold_id=hold_id, tenant_id="ten_1") for hold_id in placed]

    @invariant()
    def books_add_up(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.check()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self._write()
            for hold_id in list(self.ledger.holds):
                self.ledger.do(to_settle(hold_id, Amounts(1, 1, 1)))
            self.ledger.check()
            assert {counter.held for counter in self.ledger.counters.values()} <= {0}

    def _hold(self, recent: int) -> str:
        return list(self.granted)[-1 - recent % len(self.granted)]

    def _add(self, is_last: bool, *operations: Operation) -> None:
        self.waiting += operations
        if is_last:
            self._write()

    def _write(self) -> None:
        """What waits is written. One by one, it would have come to the same."""
        one_by_one = copy.deepcopy(self.ledger)
        answers = self.ledger.write(*self.waiting)
        for operation in self.waiting:
            self._check_admission(one_by_one, operation)
        if not any(isinstance(answer, MustWait) for answer in answers):
            assert one_by_one.counters == self.ledger.counters
            assert one_by_one.holds == self.ledger.holds
            assert one_by_one.entries == self.ledger.entries
        for operation, answer in zip(self.waiting, answers, strict=True):
            if isinstance(operation, PlaceHold) and isinstance(answer, Granted):
                self.granted[operation.id] = answer.counters
        self.waiting = []

    def _keep_for_later(self) -> None:
        self.waiting = [one for one in self.waiting if isinstance(one, SettleHold | ReleaseHold)]

    def _check_admission(self, ledger: MemoryLedger, operation: Operation) -> None:
        """Carry it out alone: whatever is set aside fits every hard budget it draws on."""
        before = copy.deepcopy(ledger.holds)
        answer = ledger.do(operation)
        match operation, answer:
            case PlaceHold(), Granted():
                need = operation.need
                least = min(need.least_output_tokens, need.output_tokens)
                assert least <= answer.output_tokens <= need.output_tokens
                self._check_room(ledger, answer.counters, answer.amounts)
            case PlaceHold(), Refused():
                others = 0 if answer.is_exhausted else answer.held
                assert answer.used + others + answer.need > answer.limit
            case ExtendHold(), True:
                self._check_room(ledger, before[operation.hold_id].counters, operation.by)

    def _check_room(self, ledger: MemoryLedger, counters: str, added: Amounts) -> None:
        for budget_id, period, unit in read_counters(counters):
            budget, counter = ledger.budgets[budget_id], ledger.counters[budget_id, period]
            if budget.is_hard and budget.limit is not None and triple(added)[UNITS[unit]] > 0:
                assert counter.used + counter.held <= budget.limit


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(max_examples=120, stateful_step_count=40)
