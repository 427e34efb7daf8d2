"""key create, list, revoke."""

from datetime import UTC, datetime, timedelta

import pytest

from officium.cli.keys import read_expiry
from officium.core.tenancy.errors import InvalidKey
from officium.core.tenancy.key import is_well_formed
from tests.cli.conftest import Run

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_the_key_alone_is_printed_on_standard_output(run: Run, installed: dict[str, str]):
    outcome = run("key", "create", "ci")

    assert is_well_formed(outcome.out.strip())
    assert "shown this once" in outcome.err


def test_a_key_has_the_scopes_and_the_end_that_were_asked_for(run: Run, installed: dict[str, str]):
    made = run("key", "create", "ci", "--scopes", "inference, usage:read", "--expires", "30d", "--json").json

    assert is_well_formed(made["api_key"])
    assert made["scopes"] == ["inference", "usage:read"]
    assert datetime.fromisoformat(made["expires_at"]) > datetime.now(UTC) + timedelta(days=29)


def test_a_list_shows_no_secret(run: Run, installed: dict[str, str]):
    listed = run("key", "list")

    assert installed["api_key"] not in listed.out
    assert installed["api_key"][:14] in listed.out
    assert installed["api_key"] not in run("key", "list", "--json").out


@pytest.mark.parametrize("by", ["id", "prefix", "as-listed"])
def test_a_key_is_revoked(run: Run, installed: dict[str, str], by):
    (key,) = run("key", "list", "--json").json
    reference = f"{key['prefix']}…" if by == "as-listed" else key[by]

    outcome = run("key", "revoke", reference)

    assert "five seconds" in outcome.out
    assert "revoked" in run("key", "list").out


def test_the_tenant_must_be_named_when_there_are_several(run: Run, installed: dict[str, str]):
    other = run("tenant", "create", "Other", "--external-id", "org_2", "--json").json

    unclear = run("key", "create", "ci")
    clear = run("key", "create", "ci", "--tenant", "org_2", "--json")

    assert unclear.status == 1
    assert "--tenant" in unclear.err
    assert clear.json["tenant_id"] == other["id"]


def test_before_the_first_tenant_there_are_no_keys(run: Run):
    run("migrate")

    assert "officium bootstrap" in run("key", "list").err


def test_an_unknown_scope_is_refused(run: Run, installed: dict[str, str]):
    outcome = run("key", "create", "ci", "--scopes", "root")

    assert outcome.status == 1
    assert "no scope 'root'" in outcome.err


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("30d", NOW + timedelta(days=30)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00:00+03:00", datetime(2027, 1, 31, 7, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_time_from_now_or_a_date(text, moment):
    assert read_expiry(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "30", "-1d", "30y", "2027-13-01", "999999w"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InvalidKey, match="30d"):
        read_expiry(text, NOW)
