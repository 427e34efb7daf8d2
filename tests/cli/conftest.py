"""Running the operator's commands as a person would."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from officium.cli import main
from officium.core.llm.providers.catalog import PROVIDERS
from officium.settings import provider_variables, setting_variables


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Nothing set, a working directory without `.env`, and the logs as they were afterwards."""
    variables = [*setting_variables().values(), "OFFICIUM_URL", "OFFICIUM_KEY"]
    for row in PROVIDERS.values():
        variables += provider_variables(row).values()
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `officium` with these arguments."""

    def run_command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["officium", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        printed = capsys.readouterr()
        return Outcome(code if isinstance(code, int) else int(code is not None), printed.out, printed.err)

    return run_command


@pytest.fixture
def installed(run: Run) -> dict[str, str]:
    """An installation in the default folder, with its first tenant and key."""
    made: dict[str, str] = run("bootstrap", "--json").json
    return made
