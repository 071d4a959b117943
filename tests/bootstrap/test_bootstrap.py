"""The start on a machine with nothing but Python."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rpa import bootstrap


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with requirement files that need no network."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "requirements-dev.txt").write_text("")
    return tmp_path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first start; making it takes seconds, copying it less."""
    directory = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(bootstrap, "ROOT", directory)
        monkeypatch.setattr(bootstrap, "VENV", directory / ".venv")
        (directory / "requirements.txt").write_text("")
        (directory / "requirements-dev.txt").write_text("")
        bootstrap.prepare(dev=False)
    return directory


@pytest.fixture
def installed(project: Path, template: Path) -> Path:
    """The project after its first start."""
    shutil.copytree(template, project, symlinks=True, dirs_exist_ok=True)
    return project


def test_the_second_start_does_nothing(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.prepare(dev=True)
    assert bootstrap.is_current("base")
    assert bootstrap.is_current("dev")
    monkeypatch.setattr(subprocess, "run", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    bootstrap.prepare(dev=True)


def test_changed_requirements_are_installed_again(installed: Path) -> None:
    (installed / "requirements.txt").write_text("# another\n")
    assert not bootstrap.is_current("base")


def test_development_requirements_are_a_stamp_of_their_own(installed: Path) -> None:
    assert bootstrap.is_current("base")
    assert not bootstrap.is_current("dev")


def test_a_broken_venv_is_made_anew(project: Path) -> None:
    python = bootstrap.venv_python()
    python.parent.mkdir(parents=True)
    python.symlink_to("/nonexistent/python3")
    bootstrap.prepare(dev=False)
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0


def test_a_damaged_stamp_counts_as_none(installed: Path) -> None:
    bootstrap.stamp_file().write_text("[not json")
    assert not bootstrap.is_current("base")


def test_a_failed_installation_leaves_no_stamp(installed: Path) -> None:
    (installed / "requirements.txt").write_text("./missing-directory\n")
    with pytest.raises(bootstrap.BootstrapError, match="pip could not install"):
        bootstrap.prepare(dev=False)
    assert not bootstrap.is_current("base")


def test_missing_requirement_files_are_told(installed: Path) -> None:
    (installed / "requirements-dev.txt").unlink()
    with pytest.raises(bootstrap.BootstrapError, match="checkout is damaged"):
        bootstrap.prepare(dev=True)


def test_two_starts_at_once_both_succeed(project: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(bootstrap.__file__).parents[1])!r})
from pathlib import Path
from rpa import bootstrap
bootstrap.ROOT = Path({str(project)!r}); bootstrap.VENV = bootstrap.ROOT / ".venv"
bootstrap.prepare(dev=False)
"""
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert bootstrap.is_current("base")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("NewConnectionError: Network is unreachable", "could not be reached"),
        ("Could not find a version (from versions: none)", "could not be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ResolutionImpossible: conflict", "pip could not install"),
    ],
)
def test_a_failure_of_pip_is_explained(output: str, message: str) -> None:
    assert message in bootstrap.explain_pip(output)


def test_a_python_without_venv_is_explained() -> None:
    message = bootstrap.explain_venv("Error: ensurepip is not available")
    assert f"python3.{sys.version_info[1]}-venv" in message


def test_an_unsupported_python_looks_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr("shutil.which", {"python3.12": "/opt/python3.12"}.get)
    assert bootstrap.find_python() == "/opt/python3.12"
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(bootstrap.BootstrapError, match=r"this is 3\.9\.2"):
        bootstrap.find_python()


def test_nothing_happens_when_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPA_BOOTSTRAP", "0")
    monkeypatch.setattr(bootstrap, "prepare", None)
    bootstrap.ensure(["manage.py", "up"])


def test_the_fast_installer_looks_where_pip_was_told_to() -> None:
    pip = {"index-url": "https://mirror/simple", "find-links": "/wheels /more"}
    assert bootstrap.uv_indexes(pip) == {
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert bootstrap.uv_indexes({"timeout": "60"}) == {}
