"""What callers may do."""

import pytest

from officium.core.tenancy.caller import SCOPES, Caller, operator_of, require, require_operator
from officium.kit.errors import PermissionDenied


def a_caller(*scopes: str) -> Caller:
    return Caller("ten_1", "key:key_1", frozenset(scopes))


def test_a_missing_scope_is_named():
    with pytest.raises(PermissionDenied, match="usage:read") as caught:
        require(a_caller("inference"), "usage:read")

    assert caught.value.fields == {"scope": "usage:read"}


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_admin_holds_every_scope(scope):
    require(a_caller("admin"), scope)


def test_an_administrator_of_a_tenant_is_not_the_operator():
    with pytest.raises(PermissionDenied):
        require_operator(a_caller("admin"))

    require_operator(operator_of("ten_1"))
