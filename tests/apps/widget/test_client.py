"""What a client may be called, and what its limits are."""

import pytest

from officium.apps.widget.client import Limits, check_client, limit_name, limits_by_measure
from officium.apps.widget.errors import InvalidClient


@pytest.mark.parametrize(
    ("name", "time_zone", "param"),
    [
        pytest.param("", "UTC", "client_name", id="no-name"),
        pytest.param("  ", "UTC", "client_name", id="blank"),
        pytest.param("n" * 201, "UTC", "client_name", id="long"),
        pytest.param("a\0b", "UTC", "client_name", id="nul"),
        pytest.param("\ud800", "UTC", "client_name", id="half-a-character"),
        pytest.param("Acme", "Mars/Olympus", "time_zone", id="zone"),
    ],
)
def test_client_may_not_be(name: str, time_zone: str, param: str):
    with pytest.raises(InvalidClient) as raised:
        check_client(name, time_zone)

    assert raised.value.fields["param"] == param


def test_only_limits_that_are_spoken_of_are_set():
    limits = Limits(daily_token_limit=5, monthly_request_limit=None)

    assert limits_by_measure(limits) == {("tokens", "day"): 5, ("requests", "month"): None}


def test_limits_have_the_names_of_their_columns():
    assert limit_name("tokens", "day") == "daily_token_limit"
    assert limit_name("requests", "month") == "monthly_request_limit"
    assert limit_name("nano_usd", "total") == "total_usd_limit"
