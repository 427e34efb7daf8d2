"""Tokens of visitors: only what this server signed is read, and a changed secret is outlived."""

from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from officium.apps.widget.visitors import Session, SessionSigner
from officium.apps.widget.visitors.errors import VisitorSessionInvalid
from officium.kit.secrets import ServerSecret

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SESSION = Session(
    visitor_id="vis_1",
    widget_key="wk_1",
    origin="https://shop.example",
    expires_at=NOW,
    renewable_until=NOW + timedelta(days=30),
)
SECRET, OTHER = ServerSecret(b"a" * 32), ServerSecret(b"b" * 32)


def test_what_was_signed_is_read():
    assert SessionSigner(SECRET).read(SessionSigner(SECRET).sign(SESSION)) == SESSION


def test_a_changed_secret_is_outlived_while_the_one_before_is_known():
    token = SessionSigner(SECRET).sign(SESSION)

    assert SessionSigner(OTHER, SECRET).read(token) == SESSION
    with pytest.raises(VisitorSessionInvalid):
        SessionSigner(OTHER).read(token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "wvs_",
        "wvs_a.b.c",
        "ofc_0123456789",
        "wvs_" + "a" * 5000,
        "wvs_eyJhbGciOiJub25lIn0.eyJzdWIiOiJ2aXNfMSJ9.",
        "wvs_" + jwt.encode({"alg": "HS256"}, {"sub": "vis_1"}, OctKey.import_key(b"a" * 32)),
        SessionSigner(SECRET).sign(SESSION)[:-2] + "xx",
    ],
)
def test_what_nobody_signed_is_refused(token: str):
    with pytest.raises(VisitorSessionInvalid):
        SessionSigner(SECRET).read(token)
