from datetime import timedelta
from decimal import Decimal

import pytest

from officium.apps.cashflow.statistics import (
    changed,
    counterfactuals,
    fit,
    levers,
    simulate,
    with_delay,
    with_invoice,
    with_terms,
    without,
)
from tests.apps.cashflow.statistics.builders import TODAY, a_closed_deal, an_open_deal

TOMORROW = TODAY + timedelta(days=1)


def test_a_delay_moves_the_customers_payments_and_nobody_elses() -> None:
    deals = [an_open_deal(1, customer="Slow", invoiced_before=5), an_open_deal(2, customer="Other")]
    model = fit([], deals, TODAY)

    slow, other = changed(deals, [with_delay("Slow", 30)])

    moved = model.predict(slow).payment.p50 - model.predict(deals[0]).payment.p50
    assert moved == timedelta(days=30)
    assert other == deals[1]


def test_paying_sooner_is_never_before_tomorrow() -> None:
    deal = an_open_deal(1, invoiced_before=30)
    model = fit([], [deal], TODAY)

    (sooner,) = changed([deal], [with_delay("Acme", -300)])

    assert model.predict(sooner).payment.p90 == TOMORROW


def test_a_lost_deal_is_gone() -> None:
    deals = [an_open_deal(1), an_open_deal(2)]

    assert changed(deals, [without(1)]) == [deals[1]]


@pytest.mark.parametrize("history", [0, 30], ids=["with no history", "with history"])
def test_other_terms_move_what_is_not_invoiced_yet(history: int) -> None:
    closed = [a_closed_deal(n, paid_after=30 + n % 3, terms_days=30) for n in range(history)]
    deals = [an_open_deal(1, terms_days=30), an_open_deal(2, invoiced_before=3, terms_days=30)]
    model = fit(closed, deals, TODAY)

    waiting, invoiced = changed(deals, [with_terms("Acme", 60)])

    assert model.predict(waiting).payment.p50 - model.predict(deals[0]).payment.p50 == timedelta(days=30)
    assert invoiced == deals[1]


def test_an_unchanged_deal_has_the_same_futures_in_base_and_scenario() -> None:
    deals = [an_open_deal(n, customer=f"C{n}", currency="SAR" if n else "USD") for n in range(4)]
    model = fit([], deals, TODAY)

    base = simulate(model, deals, TOMORROW, 90, runs=50)
    scenario = simulate(model, changed(deals, [without(0)]), TOMORROW, 90, runs=50)

    assert scenario.currencies["SAR"] == base.currencies["SAR"]
    assert "USD" not in scenario.currencies


def test_a_counterfactual_says_what_would_be_sooner() -> None:
    history = [a_closed_deal(n, customer="Slow", paid_after=90 + n % 3) for n in range(20)]
    history += [a_closed_deal(n + 50, customer=f"C{n}", paid_after=20 + n % 9) for n in range(60)]
    deal = an_open_deal(customer="Slow", terms_days=30)
    model = fit(history, [deal], TODAY)

    found = {one.kind: one for one in counterfactuals(model, deal)}

    assert found["typical_customer"].sooner_days > 40
    assert found["invoiced_now"].sooner_days > 10
    assert found["typical_customer"].forecast.customer == "Slow"


def test_the_best_levers_come_first_and_do_what_they_say() -> None:
    history = [a_closed_deal(n, invoiced_after=30, paid_after=40) for n in range(40)]
    deals = [
        an_open_deal(1, customer="Large", amount="50000", invoiced_before=10),
        an_open_deal(2, customer="Small", amount="500", invoiced_before=10),
        an_open_deal(3, customer="Late", amount="20000", days_in_stage=2),
        an_open_deal(4, customer="Foreign", amount="900000", currency="USD"),
    ]
    model = fit(history, deals, TODAY)
    outgoing = [Decimal(9000)] * 4 + [Decimal(0)] * 8

    found = levers(model, deals, TOMORROW, 84, "SAR", opening=Decimal(10_000), outgoing=outgoing)

    assert 1 <= len(found) <= 3
    assert (found[0].kind, found[0].customer) == ("collect_sooner", "Large")
    assert [one.lift for one in found] == sorted((one.lift for one in found), reverse=True)
    for lever in found:
        after = simulate(model, lever.change(deals), TOMORROW, 84, runs=10).currencies["SAR"]
        balance, lowest = Decimal(10_000), []
        for row, paid_out in zip(after.rows, outgoing, strict=True):
            balance += row.cash.mean - paid_out
            lowest.append(balance)
        assert lever.lowest_after == pytest.approx(min(lowest), abs=Decimal("0.1"))


def test_no_lever_lifts_what_nothing_pays_into() -> None:
    assert levers(fit([], [], TODAY), [], TOMORROW, 84, "SAR") == []


def test_an_invoice_can_be_dated_ahead() -> None:
    deal = an_open_deal(1)
    model = fit([], [deal], TODAY)

    (dated,) = changed([deal], [with_invoice(1, TODAY + timedelta(days=9))])

    forecast = model.predict(dated)
    assert forecast.invoice.p50 == TODAY + timedelta(days=9)
    assert forecast.payment.p50 == TODAY + timedelta(days=9 + 37)
