"""The form of keys and what is kept of them."""

from datetime import UTC, datetime, timedelta

import pytest

from officium.core.tenancy.errors import InvalidKey
from officium.core.tenancy.key import KeyDigester, check_key, is_well_formed, make_secret, shown_prefix
from officium.kit.secrets import ServerSecret

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_new_keys_are_well_formed_and_all_different():
    secrets = {make_secret() for _ in range(200)}

    assert len(secrets) == 200
    assert all(is_well_formed(secret) for secret in secrets)


def test_a_key_has_a_shown_part_and_a_secret_part():
    start, shown, hidden = make_secret().split("_")

    assert (start, len(shown), len(hidden)) == ("ofc", 10, 38)


def test_the_shown_part_tells_nothing_of_the_secret():
    secret = make_secret()

    assert secret.startswith(shown_prefix(secret) + "_")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key: key[:-1], id="cut"),
        pytest.param(lambda key: key + "a", id="longer"),
        pytest.param(lambda key: key.replace("ofc_", "sk-_"), id="other-kind"),
        pytest.param(
            lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], id="one-letter-wrong"
        ),
        pytest.param(lambda key: key[:20] + "é" + key[21:], id="not-ascii"),
        pytest.param(lambda key: "", id="empty"),
    ],
)
def test_a_spoilt_key_is_recognised_without_the_database(spoil):
    assert not is_well_formed(spoil(make_secret()))


def test_a_digest_depends_on_the_key_and_on_the_servers_secret():
    one, two = (KeyDigester(ServerSecret(letter * 32)) for letter in (b"a", b"b"))
    key = make_secret()

    assert one.digest(key) == one.digest(key)
    assert len({one.digest(key), two.digest(key), one.digest(make_secret())}) == 3
    assert len(one.digest(key)) == 32


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "param"),
    [
        (" ", ["inference"], None, "name"),
        ("x" * 201, ["inference"], None, "name"),
        ("x", [], None, "scopes"),
        ("x", ["inference", "root"], None, "scopes"),
        ("x", ["inference"], NOW, "expires_at"),
        ("x", ["inference"], (NOW + timedelta(days=1)).replace(tzinfo=None), "expires_at"),
    ],
    ids=["blank-name", "long-name", "no-scope", "unknown-scope", "expired-already", "no-time-zone"],
)
def test_what_makes_no_good_key_is_refused(name, scopes, expires_at, param):
    with pytest.raises(InvalidKey) as caught:
        check_key(name, scopes, expires_at, NOW)

    assert caught.value.fields["param"] == param
