"""From what a provider claims to a person: whose words are believed, and how far."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.tenancy.identity.errors import IdentityRefused
from officium.core.tenancy.identity.identity import may_become_member, read_identity
from officium.core.tenancy.identity.provider import IdentityProvider

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ORG = "organization.id"


def a_provider(**settings: Any) -> IdentityProvider:
    return IdentityProvider(issuer="https://id.example.com", client_id="officium", **settings)


def read(provider: IdentityProvider | None = None, **claims: Any) -> Any:
    return read_identity({"sub": "u-1", **claims}, provider or a_provider())


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("ada+x@example.com", "ada+x@example.com"),
        ("a@b@example.com", "a@b@example.com"),
        ("ada", None),
        ("@example.com", None),
        ("ada@", None),
        ("ada @example.com", None),
        ("ada@example.com\n", None),
        ("straße@example.com", None),
        ("ada@exam\u212aple.com", None),  # the sign for Kelvin, which becomes a k in small letters
        ("a" * 250 + "@example.com", None),
        (["ada@example.com"], None),
        (7, None),
        (None, None),
    ],
    ids=repr,
)
def test_address_is_kept_in_small_letters_or_not_at_all(email: Any, kept: str | None) -> None:
    identity = read(email=email, email_verified=True)

    assert identity.email == kept
    assert identity.is_email_verified == (kept is not None)


@pytest.mark.parametrize(
    ("said", "is_verified"),
    [
        *((said, True) for said in (True, "true", 1, "1")),
        *((said, False) for said in (False, "false", 0, "True", "yes", 2, None, [True], {})),
    ],
    ids=repr,
)
def test_address_is_verified_where_the_provider_says_just_that(said: Any, is_verified: bool) -> None:
    assert read(email="ada@example.com", email_verified=said).is_email_verified == is_verified


def test_claim_of_verification_has_the_name_the_operator_gave() -> None:
    entra = a_provider(email_verified_claim="xms_edov")

    assert read(entra, email="ada@example.com", xms_edov="1").is_email_verified
    assert not read(entra, email="ada@example.com", email_verified=True).is_email_verified
    assert read(a_provider(trusts_email=True), email="ada@example.com").is_email_verified
    assert not read(a_provider(trusts_email=True)).is_email_verified


@pytest.mark.parametrize(
    ("settings", "claims", "tenant"),
    [
        ({}, {"org": "a"}, None),
        ({"tenant_claim": "org"}, {"org": "a"}, "a"),
        ({"tenant_claim": "org"}, {"org": ["a"]}, "a"),
        ({"tenant_claim": "org"}, {"org": ["a", "b"]}, None),
        ({"tenant_claim": "org"}, {"org": 7}, "7"),
        ({"tenant_claim": "org"}, {"org": True}, None),
        ({"tenant_claim": "org"}, {"org": ""}, None),
        ({"tenant_claim": "org"}, {"org": "x" * 256}, None),
        ({"tenant_claim": "org"}, {}, None),
        ({"tenant_claim": ORG}, {"organization": {"id": "a"}}, "a"),
        ({"tenant_claim": ORG}, {ORG: "whole", "organization": {"id": "a"}}, "whole"),
    ],
)
def test_tenant_is_the_one_that_is_named(
    settings: dict[str, Any], claims: dict[str, Any], tenant: str | None
) -> None:
    assert read(a_provider(**settings), **claims).tenant == tenant


MAP = {"boss": "admin", "staff": "member", "guest": "viewer"}


@pytest.mark.parametrize(
    ("settings", "said", "role"),
    [
        ({}, "admin", None),
        ({"role_claim": "r"}, "admin", "admin"),
        ({"role_claim": "r"}, ["viewer", "member"], "member"),
        ({"role_claim": "r"}, "viewer other", "viewer"),
        ({"role_claim": "r"}, "owner", "member"),
        ({"role_claim": "r"}, "client", "member"),
        ({"role_claim": "r"}, None, "member"),
        ({"role_claim": "r", "default_role": "viewer"}, {"admin": True}, "viewer"),
        ({"role_claim": "r", "role_map": MAP}, ["guest", "boss"], "admin"),
        ({"role_claim": "r", "role_map": MAP}, "admin", "member"),
        ({"role_claim": "r", "role_map": {"two words": "admin"}}, "two words", "admin"),
        ({"role_claim": "r", "role_map": MAP}, [["boss"], 7, None], "member"),
        ({"role_claim": "r", "role_map": MAP}, ["x"] * 1000 + ["boss"], "member"),
    ],
)
def test_role_is_the_one_that_may_do_most(settings: dict[str, Any], said: Any, role: str | None) -> None:
    assert read(a_provider(**settings), r=said).role == role


@pytest.mark.parametrize("subject", [None, "", 7, True, ["u"], {"u": 1}, "x" * 256, "a\x00b", "a\nb"])
def test_who_is_not_named_is_nobody(subject: Any) -> None:
    with pytest.raises(IdentityRefused):
        read(sub=subject)


@pytest.mark.parametrize(
    ("domains", "email", "may"),
    [
        ({"example.com"}, "ada@example.com", True),
        ({"example.com"}, "ada@Example.COM", True),
        ({"example.com"}, "ada@sub.example.com", False),
        ({"example.com"}, "ada@example.com.evil.net", False),
        ({"example.com"}, "ada@notexample.com", False),
        ({"example.com"}, "ada@example.com@evil.net", False),
        ({"*"}, "ada@evil.net", True),
    ],
)
def test_domain_decides_who_becomes_a_member(domains: set[str], email: str, may: bool) -> None:
    provider = a_provider(creates_members=True, tenant="t", email_domains=frozenset(domains))

    assert may_become_member(read(provider, email=email, email_verified=True), provider) == may
    assert not may_become_member(read(provider, email=email), provider)
    closed = a_provider(email_domains=frozenset(domains))
    assert not may_become_member(read(closed, email=email, email_verified=True), closed)


@given(claims=st.dictionaries(st.sampled_from(("sub", "email", "email_verified", "name", "r", "org")), JSON))
def test_whatever_is_claimed_gives_a_person_within_bounds_or_nobody(claims: dict[str, Any]) -> None:
    provider = a_provider(role_claim="r", tenant_claim="org")

    try:
        identity = read_identity(claims, provider)
    except IdentityRefused:
        subject = claims.get("sub")
        assert not (isinstance(subject, str) and 0 < len(subject) <= 255 and subject.isprintable())
        return

    assert identity.subject == claims["sub"]
    assert identity.role in ("admin", "member", "viewer")
    assert identity.email is None or (identity.email.isascii() and identity.email == identity.email.lower())
    assert identity.email is not None or not identity.is_email_verified
    assert identity.tenant is None or 0 < len(identity.tenant) <= 255
    assert identity.name is None or 0 < len(identity.name) <= 200
