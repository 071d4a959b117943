"""What the development stack keeps between starts."""

import json
import os
import stat
from pathlib import Path

import pytest

from apps.ops.devstack import environment
from apps.ops.devstack.errors import StackError


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_keys_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    first = environment.keys(tmp_path)
    assert environment.keys(tmp_path) == first
    assert len(first["SECRET_KEY"]) >= 50
    assert mode(tmp_path / "env") == 0o600


def test_a_lost_key_is_added_without_changing_the_others(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("SECRET_KEY=kept\n")
    known = environment.keys(tmp_path)
    assert known["SECRET_KEY"] == "kept"
    assert known["FIELD_ENCRYPTION_KEYS"]


def test_the_password_stays_and_the_address_follows(tmp_path: Path) -> None:
    first = environment.credentials(tmp_path, "http://127.0.0.1:8000")
    again = environment.credentials(tmp_path, "http://127.0.0.1:9000")
    assert again == {**first, "url": "http://127.0.0.1:9000"}
    assert json.loads((tmp_path / "credentials.json").read_text()) == again
    assert mode(tmp_path / "credentials.json") == 0o600


def test_a_given_setting_wins_over_the_default(tmp_path: Path) -> None:
    given = {"EGRESS_ALLOW": "10.0.0.1"}
    settings = environment.development(tmp_path, 8123, given)
    assert settings["EGRESS_ALLOW"] == "10.0.0.1"
    assert settings["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert "DEBUG" not in settings


def test_a_second_stack_on_the_directory_is_refused(tmp_path: Path) -> None:
    with (
        environment.sole_user(tmp_path),
        pytest.raises(StackError, match=f"process {os.getpid()}"),
        environment.sole_user(tmp_path),
    ):
        pass
    with environment.sole_user(tmp_path):
        pass
