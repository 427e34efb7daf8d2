"""What is read from claims."""

import pytest

from officium.core.tenancy.issuer import JwtIssuer
from officium.core.tenancy.session import find_claim, read_session

CLERK = {"sub": "user_1", "o": {"id": "org_1", "rol": "admin"}, "exp": 100}
KEYCLOAK = {"sub": "0d1f", "tenant": "acme", "realm_access": {"roles": ["staff", "boss"]}, "exp": 100}
AUTH0 = {
    "sub": "auth0|1",
    "https://example.com/tenant": "acme",
    "scope": "inference usage:read openid",
    "exp": 100,
}


def an_issuer(**values) -> JwtIssuer:
    return JwtIssuer(**{"issuer": "https://id.example.com", "audience": "officium"} | values)


@pytest.mark.parametrize(
    ("claims", "path", "value"),
    [
        (CLERK, "o.id", "org_1"),
        (KEYCLOAK, "realm_access.roles", ["staff", "boss"]),
        (AUTH0, "https://example.com/tenant", "acme"),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        (CLERK, "o.id.x", None),
        (CLERK, "nothing", None),
        ({}, "a.b", None),
    ],
    ids=["path", "list", "name-with-dots", "name-first", "too-deep", "missing", "empty"],
)
def test_claims_are_found_by_name_or_path(claims, path, value):
    assert find_claim(claims, path) == value


@pytest.mark.parametrize(
    ("issuer", "claims", "scopes"),
    [
        (an_issuer(tenant_claim="o.id"), CLERK, {"inference"}),
        (an_issuer(tenant_claim="o.id", default_scopes=[]), CLERK, set()),
        (
            an_issuer(tenant_claim="o.id", scopes_claim="o.rol", scope_map={"admin": "config:write"}),
            CLERK,
            {"inference", "config:write"},
        ),
        (
            an_issuer(
                tenant_claim="tenant",
                scopes_claim="realm_access.roles",
                scope_map={"boss": ["admin", "usage:read"]},
                default_scopes=[],
            ),
            KEYCLOAK,
            {"admin", "usage:read"},
        ),
        (
            an_issuer(tenant_claim="https://example.com/tenant", scopes_claim="scope", default_scopes=[]),
            AUTH0,
            {"inference", "usage:read"},
        ),
        (an_issuer(tenant_claim="tenant", scopes_claim="tenant", scope_map={}), KEYCLOAK, {"inference"}),
        (an_issuer(tenant_claim="o.id", scopes_claim="exp"), CLERK, {"inference"}),
    ],
    ids=["default", "no-default", "mapped", "mapped-list", "words-are-ours", "empty-map", "no-words"],
)
def test_scopes_come_from_the_claim_as_the_operator_maps_them(issuer, claims, scopes):
    assert read_session(claims, issuer, 0).scopes == scopes


@pytest.mark.parametrize(
    ("email", "read"),
    [("ann@example.com", "ann@example.com"), (7, None), ("", None), ("x" * 321, None)],
    ids=["text", "number", "empty", "too-long"],
)
def test_an_address_that_is_none_is_left_out(email, read):
    session = read_session(CLERK | {"email": email}, an_issuer(tenant_claim="o.id"), 0)

    assert session.email == read


def test_an_integer_tenant_is_read_as_text():
    assert read_session({"sub": 7, "t": 12, "exp": 1}, an_issuer(tenant_claim="t"), 0).tenant == "12"
