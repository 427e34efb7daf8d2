"""keys list, rotate."""

import asyncio
from pathlib import Path

import pytest

from officium.core.config import ConfigDraft
from officium.core.tenancy import operator_of
from officium.kit.secrets import Secret
from officium.main import build_parts, running
from officium.settings import Settings
from tests.cli.conftest import Run

KEY = "sk-ant-0123456789-abcd"


def store_a_key(tenant_id: str) -> None:
    async def work() -> None:
        parts = build_parts(Settings(_env_file=None, data_dir=Path("data")))
        async with running(parts):
            draft = ConfigDraft(provider="anthropic", api_key=Secret(KEY))
            await parts.configs.create_config(operator_of(tenant_id), draft)

    asyncio.run(work())


def stored_keys(tenant_id: str) -> list[str | None]:
    async def work() -> list[str | None]:
        parts = build_parts(Settings(data_dir=Path("data")))
        async with running(parts):
            opened = await parts.configs.load_for_gateway(operator_of(tenant_id))
            return [config.api_key.reveal() if config.api_key else None for config in opened]

    return asyncio.run(work())


def test_rotation_says_what_it_did(run: Run, installed: dict[str, str]):
    store_a_key(installed["tenant_id"])

    outcome = run("keys", "rotate")

    assert outcome.status == 0
    assert "Sealed 1 values anew" in outcome.out
    assert stored_keys(installed["tenant_id"]) == [KEY]


def test_list_shows_every_key_and_its_state(run: Run, installed: dict[str, str]):
    store_a_key(installed["tenant_id"])
    run("keys", "rotate")

    listed = run("keys", "list", "--json").json

    assert [key["state"] for key in listed] == ["retired", "active"]
    assert listed[0]["id"] in run("keys", "list").out
    assert "wrapped" not in listed[0]


def test_rotation_of_an_installation_without_secrets_makes_its_first_key(run: Run, installed: dict[str, str]):
    assert run("keys", "rotate", "--json").json["resealed"] == 0


def test_rotation_under_another_secret_is_refused_with_what_to_do(
    run: Run, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    store_a_key(installed["tenant_id"])
    monkeypatch.setenv("OFFICIUM_SECRET_KEY", "another secret than the one in the file")

    outcome = run("keys", "rotate")

    assert outcome.status == 1
    assert "OFFICIUM_SECRET_KEY_PREVIOUS" in outcome.err
    monkeypatch.delenv("OFFICIUM_SECRET_KEY")
    assert stored_keys(installed["tenant_id"]) == [KEY]
    assert run("keys", "rotate", "--json").json["is_new"]


def finding(run: Run) -> dict[str, str]:
    """What `doctor` says of the sealed keys."""
    findings = run("doctor", "--json").json["findings"]
    found: dict[str, str] = next(finding for finding in findings if finding["part"] == "sealed keys")
    return found


def test_doctor_says_whether_the_secret_fits(
    run: Run, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    at_first = finding(run)
    store_a_key(installed["tenant_id"])
    with_a_key = finding(run)
    monkeypatch.setenv("OFFICIUM_SECRET_KEY", "another secret than the one in the file")
    under_another = finding(run)

    assert (at_first["verdict"], at_first["what"]) == ("ok", "None yet.")
    assert (with_a_key["verdict"], with_a_key["what"]) == ("ok", "They open.")
    assert under_another["verdict"] == "broken"
    assert "OFFICIUM_SECRET_KEY_PREVIOUS" in under_another["what"]


def test_secret_can_be_changed(run: Run, installed: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    store_a_key(installed["tenant_id"])
    old = Path("data/secret.key").read_text().strip()
    monkeypatch.setenv("OFFICIUM_SECRET_KEY", "another secret than the one in the file")
    monkeypatch.setenv("OFFICIUM_SECRET_KEY_PREVIOUS", old)

    outcome = run("keys", "rotate")
    monkeypatch.delenv("OFFICIUM_SECRET_KEY_PREVIOUS")

    assert outcome.status == 0
    assert stored_keys(installed["tenant_id"]) == [KEY]
