"""The server's own secret."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from officium.kit.secrets import SecretUnusable, ServerSecret, load_server_secret, secret_file


def test_the_secret_is_made_at_first_and_kept(tmp_path: Path):
    data_dir = tmp_path / "data"

    first, second = (load_server_secret(None, data_dir).derive("x") for _ in range(2))

    assert first == second
    assert stat.S_IMODE(secret_file(data_dir).stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secret.key"]


def test_processes_starting_at_once_get_the_same_secret(tmp_path: Path):
    script = (
        "import sys, pathlib\n"
        "from officium.kit.secrets import load_server_secret\n"
        "print(load_server_secret(None, pathlib.Path(sys.argv[1])).derive('x').hex())\n"
    )

    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]

    assert len({process.communicate(timeout=30)[0] for process in processes}) == 1


def test_the_environment_wins_over_the_file(tmp_path: Path):
    load_server_secret(None, tmp_path)

    assert load_server_secret("s" * 32, tmp_path).derive("x") == ServerSecret(b"s" * 32).derive("x")


def test_purposes_have_keys_of_their_own():
    secret = ServerSecret(b"s" * 32)

    assert secret.derive("one") != secret.derive("two")
    assert len(secret.derive("one")) == 32


def test_a_short_secret_is_refused_with_advice_and_not_shown(tmp_path: Path):
    with pytest.raises(SecretUnusable, match="openssl rand") as caught:
        load_server_secret("short-one", tmp_path)

    assert "short-one" not in str(caught.value)


def test_a_folder_that_is_none_is_reported(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(SecretUnusable, match="OFFICIUM_SECRET_KEY"):
        load_server_secret(None, tmp_path / "file")


def test_the_secret_does_not_show_itself():
    assert "sss" not in repr(ServerSecret(b"s" * 32))
