"""The states of a circuit breaker, one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from officium.core.llm.breaker import Breakers, CircuitBreaker
from officium.core.llm.deployment import Deployment, Provider


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breaker(clock: HandClock) -> CircuitBreaker:
    return CircuitBreaker(clock, failures_to_open=3, cooldown_s=30)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(admitted(breaker))


def admitted(breaker: CircuitBreaker) -> int:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def half_open(breaker: CircuitBreaker, clock: HandClock) -> None:
    fail(breaker, 3)
    clock.elapsed_s += 30


def test_new_breaker_is_closed(breaker: CircuitBreaker) -> None:
    assert breaker.state == "closed"
    assert not breaker.is_refusing
    assert breaker.wait_s == 0


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.state == "closed"

    fail(breaker)

    assert breaker.state == "open"
    assert breaker.is_refusing
    assert breaker.admit() is None
    assert breaker.wait_s == 30


def test_success_starts_the_count_again(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.succeeded(admitted(breaker))

    fail(breaker, 2)

    assert breaker.state == "closed"


def test_answer_alone_neither_counts_nor_starts_the_count_again(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.answered(admitted(breaker))
    assert breaker.state == "closed"

    fail(breaker)

    assert breaker.state == "open"


def test_it_stays_open_until_the_cooldown_is_over(breaker: CircuitBreaker, clock: HandClock) -> None:
    fail(breaker, 3)

    clock.elapsed_s += 29.9
    assert breaker.admit() is None

    clock.elapsed_s += 0.1
    assert breaker.state == "half_open"
    assert not breaker.is_refusing


def test_half_open_lets_exactly_one_through(breaker: CircuitBreaker, clock: HandClock) -> None:
    half_open(breaker, clock)

    assert breaker.admit() is not None
    assert breaker.is_refusing
    assert breaker.admit() is None


@pytest.mark.parametrize("report", ["succeeded", "answered"])
def test_any_answer_to_the_probe_closes_it(breaker: CircuitBreaker, clock: HandClock, report: str) -> None:
    half_open(breaker, clock)

    getattr(breaker, report)(admitted(breaker))

    assert breaker.state == "closed"
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_failed_probe_opens_it_for_another_cooldown(breaker: CircuitBreaker, clock: HandClock) -> None:
    half_open(breaker, clock)

    fail(breaker)

    assert breaker.state == "open"
    assert breaker.wait_s == 30
    clock.elapsed_s += 30
    assert breaker.admit() is not None


def test_abandoned_probe_frees_its_place(breaker: CircuitBreaker, clock: HandClock) -> None:
    half_open(breaker, clock)

    breaker.abandoned(admitted(breaker))

    assert breaker.state == "half_open"
    assert breaker.admit() is not None


@pytest.mark.parametrize("report", ["succeeded", "answered", "failed", "abandoned"])
def test_calls_from_before_say_nothing_about_the_probe(
    breaker: CircuitBreaker, clock: HandClock, report: str
) -> None:
    early = admitted(breaker)
    half_open(breaker, clock)
    admitted(breaker)

    getattr(breaker, report)(early)

    assert breaker.state == "half_open"
    assert breaker.admit() is None


PROVIDER = Provider(name="own", label="Own", dialect="openai-chat", base_url=None)


def a_deployment(model: str = "m", base_url: str = "http://a/v1", api_key: str | None = None) -> Deployment:
    return Deployment(provider=PROVIDER, model=model, base_url=base_url, api_key=api_key)


def test_each_deployment_has_one_breaker() -> None:
    breakers = Breakers()

    assert breakers.get(a_deployment()) is breakers.get(a_deployment())
    assert breakers.get(a_deployment("m")) is not breakers.get(a_deployment("n"))


def test_same_name_elsewhere_has_a_breaker_of_its_own() -> None:
    breakers = Breakers()

    assert breakers.get(a_deployment(base_url="http://a")) is not breakers.get(
        a_deployment(base_url="http://b")
    )
    assert breakers.get(a_deployment(api_key="a")) is not breakers.get(a_deployment(api_key="b"))


def test_registry_is_bounded_and_forgets_closed_breakers_first(clock: HandClock) -> None:
    breakers = Breakers(clock, failures_to_open=1, limit=3)
    fail(breakers.get(a_deployment("broken")))

    for number in range(10):
        breakers.get(a_deployment(f"m{number}"))

    assert len(breakers) == 3
    assert breakers.get(a_deployment("broken")).state == "open"


def test_registry_is_bounded_even_if_all_are_open(clock: HandClock) -> None:
    breakers = Breakers(clock, failures_to_open=1, limit=3)

    for number in range(10):
        fail(breakers.get(a_deployment(f"m{number}")))

    assert len(breakers) == 3
