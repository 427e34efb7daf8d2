"""The configuration of identity providers."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from officium.core.tenancy.issuer import JwtIssuer

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "sign-in-with-oidc.md"
GOOD = {"issuer": "https://id.example.com", "audience": "officium", "tenant_claim": "org_id"}


def test_one_audience_or_many():
    assert JwtIssuer(**GOOD).audience == ("officium",)
    assert JwtIssuer(**GOOD | {"audience": ["a", "b"]}).audience == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "http://id.example.com"}, "https://"),
        ({"issuer": "id.example.com"}, "https://"),
        ({"jwks_url": "ftp://id.example.com/keys"}, "https://"),
        ({"audience": []}, "audience"),
        ({"algorithms": ["HS256"]}, "RS256"),
        ({"algorithms": ["none"]}, "RS256"),
        ({"algorithms": []}, "at least 1"),
        ({"default_scopes": ["root"]}, "inference"),
        ({"scope_map": {"boss": ["root"]}}, "inference"),
        ({"tenant_claim": ""}, "at least 1"),
        ({"audiance": "x"}, "Extra"),
    ],
    ids=[
        "not-over-tls",
        "no-address",
        "keys-not-over-tls",
        "no-audience",
        "shared-secret",
        "unsigned",
        "no-algorithm",
        "unknown-scope",
        "unknown-mapped-scope",
        "no-tenant-claim",
        "misspelt",
    ],
)
def test_what_would_be_unsafe_or_wrong_is_refused(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        JwtIssuer(**GOOD | changes)


def test_plain_http_is_fine_on_this_machine():
    assert JwtIssuer(**GOOD | {"issuer": "http://localhost:8080/realms/x"}).issuer.startswith(
        "http://localhost"
    )


def test_the_guides_examples_are_accepted():
    examples = re.findall(r"```json\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)

    assert len(examples) == 3
    for example in examples:
        for entry in json.loads(example):
            JwtIssuer(**entry)


def test_the_guide_names_every_field():
    assert set(re.findall(r"^\| `(\w+)` \|", GUIDE.read_text("utf-8"), re.MULTILINE)) == set(
        JwtIssuer.model_fields
    )
