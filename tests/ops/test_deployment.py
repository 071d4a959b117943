"""The files of the container deployment."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
READS = re.compile(r'\b(?:env\.\w+|milliseconds|seconds)\(\s*"([A-Z_]+)"')


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_the_example_lists_every_setting() -> None:
    read = set(READS.findall((ROOT / "rpa/settings.py").read_text()))
    example = (ROOT / ".env.example").read_text()
    listed = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert read - listed == set()


def test_the_example_holds_no_value_for_a_secret() -> None:
    example = (ROOT / ".env.example").read_text()
    secrets = re.findall(r"^(\w*(?:KEY|KEYS|PASSWORD))=(.*)$", example, re.MULTILINE)
    assert len(secrets) == 6
    assert {value for _, value in secrets} == {""}


def test_all_processes_wait_for_the_migration(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        after = compose["services"][name]["depends_on"]
        assert after["migrate"]["condition"] == "service_completed_successfully"


def test_only_the_migration_knows_the_owner(compose: dict[str, Any]) -> None:
    services = compose["services"]
    knowing = {n for n, s in services.items() if "rpa_owner" in str(s["environment"])}
    assert knowing == {"migrate"}


def test_the_queue_forgets_nothing(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER rpa"]


@pytest.mark.parametrize("script", [".ci/run", "deploy/roles.sh"])
def test_shell_scripts_parse(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    subprocess.run([shell, "-n", str(ROOT / script)], check=True)


def test_locked_requirements_name_no_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert all("==" in line for line in text.splitlines() if line[:1].isalpha())
