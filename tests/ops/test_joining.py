"""Commands beside a running `manage.py up` find its settings."""

import os
from pathlib import Path

import pytest

from apps.ops.devstack import environment
from apps.ops.devstack.joining import join


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    # Another dictionary, so that nothing taken over stays for the next test.
    monkeypatch.setattr(os, "environ", {"DATA_DIR": str(tmp_path)})
    return tmp_path


def test_takes_over_the_settings_of_the_stack(bare_environment: Path) -> None:
    keys = environment.keys(bare_environment)
    environment.credentials(bare_environment, "http://127.0.0.1:9123")
    join()
    assert os.environ["SECRET_KEY"] == keys["SECRET_KEY"]
    assert os.environ["PUBLIC_URL"] == "http://127.0.0.1:9123"


def test_does_nothing_where_no_stack_was(bare_environment: Path) -> None:
    join()
    assert "SECRET_KEY" not in os.environ


def test_leaves_an_environment_that_has_keys_alone(bare_environment: Path) -> None:
    environment.keys(bare_environment)
    os.environ["SECRET_KEY"] = "given"
    join()
    assert os.environ["SECRET_KEY"] == "given"
    assert "FIELD_ENCRYPTION_KEYS" not in os.environ
