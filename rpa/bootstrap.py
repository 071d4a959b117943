"""Make `.venv`, install the requirements, go on inside it. Standard library only.

Nothing is done when `RPA_BOOTSTRAP=0` (containers, child processes) or when the
stamp in `.venv` says that exactly these requirements are installed. The syntax here
stays old on purpose: an older Python must get as far as the message for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = "requirements.txt"
DEV_REQUIREMENTS = "requirements-dev.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
# These need the embedded servers or the test tools.
DEV_COMMANDS = {"up", "test", "bench", "faults"}
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check")
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
NETWORK_SIGNS = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "Max retries exceeded",
    "Network is unreachable",
    "Connection refused",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "from versions: none",
)


class BootstrapError(Exception):
    """The project cannot start here; the message tells a person what to do."""


def ensure(argv: list[str]) -> None:
    """Return inside `.venv` with the requirements of the command installed.

    Replaces this process by one inside `.venv` when it runs outside. Ends it with a
    message when that is impossible.
    """
    if os.environ.get("RPA_BOOTSTRAP") == "0":
        return
    _prepare_or_exit(dev=len(argv) > 1 and argv[1] in DEV_COMMANDS)
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = str(venv_python())
        sys.stdout.flush()
        os.execv(python, [python, *argv])  # noqa: S606


def ensure_for_checks() -> None:
    """Make `.venv` with all tools and stay in this process."""
    _prepare_or_exit(dev=True)


def _prepare_or_exit(*, dev: bool) -> None:
    try:
        prepare(dev=dev)
    except BootstrapError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same command again to go on.")


def prepare(*, dev: bool) -> None:
    """Make `.venv` and install what is missing; nothing when all is there.

    Args:
        dev: also the development requirements.

    Raises:
        BootstrapError: no fitting Python, no venv module, no package index.
    """
    wanted = "dev" if dev else "base"
    if is_current(wanted):
        return
    with _alone():
        if is_current(wanted):  # another process has done it meanwhile
            return
        if not _works():
            _make_venv()
        _install(wanted)
        _write_stamp(wanted)


def is_current(kind: str) -> bool:
    """Whether the stamp says that this kind of requirements is installed."""
    return venv_python().exists() and _read_stamp().get(kind) == fingerprint(kind)


def fingerprint(kind: str) -> str:
    """Changes with the requirement files and with the Python of `.venv`."""
    digest = hashlib.sha256()
    for name in requirement_files(kind):
        digest.update(_content(ROOT / name))
    with contextlib.suppress(OSError):
        for line in (VENV / "pyvenv.cfg").read_text().splitlines():
            if line.startswith("version"):
                digest.update(line.encode())
    return digest.hexdigest()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise BootstrapError(f"{file} is missing: the checkout is damaged.") from error


def requirement_files(kind: str) -> list[str]:
    """The files to install; development adds to the product's own."""
    return [REQUIREMENTS, DEV_REQUIREMENTS] if kind == "dev" else [REQUIREMENTS]


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return VENV / "bin" / "python"


def stamp_file() -> Path:
    """Inside `.venv`, so that removing it removes the stamp."""
    return VENV / "rpa-requirements.json"


def find_python() -> str:
    """A Python of a supported version: this one, else one on PATH.

    Raises:
        BootstrapError: there is none.
    """
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    have = ".".join(str(part) for part in sys.version_info[:3])
    raise BootstrapError(
        f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed, this is {have} "
        f"({sys.executable}). Install one and run: python3.{NEWEST[1]} manage.py ..."
    )


def explain_pip(output: str) -> str:
    """What a person can do about a failed installation."""
    tail = "\n".join(output.strip().splitlines()[-12:])
    if any(sign in output for sign in NETWORK_SIGNS):
        return (
            "the package index could not be reached. Check the network, or tell pip "
            "about yours (pip config set global.index-url URL; HTTPS_PROXY), then run "
            f"the same command again.\n{tail}"
        )
    if "No space left on device" in output:
        return f"the disk is full; about 1 GB is needed in {VENV}.\n{tail}"
    return f"pip could not install the requirements:\n{tail}"


def explain_venv(output: str) -> str:
    """What a person can do when `python -m venv` fails."""
    if "ensurepip" in output or "No module named venv" in output:
        return (
            "this Python has no 'venv' module. On Debian or Ubuntu run: "
            f"sudo apt-get install {_venv_package()}"
        )
    return f"could not make {VENV}:\n{output.strip()[-800:]}"


def _venv_package() -> str:
    return "python{}.{}-venv".format(*sys.version_info[:2])


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time; a lock on the directory leaves no file behind."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _say("Waiting for another start that installs the requirements ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _works() -> bool:
    """Whether `.venv` has an interpreter of a supported version and pip."""
    if not venv_python().exists():
        return False
    check = (
        f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    )
    try:
        done = subprocess.run([str(venv_python()), "-c", check], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def _make_venv() -> None:
    _say(f"Making {VENV} ...")
    command = [find_python(), "-m", "venv", "--clear", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode and _can_apt() and "venv" in explain_venv(output):
        _say(f"Installing {_venv_package()} ...")
        _apt_install(_venv_package())
        done = subprocess.run(command, capture_output=True, text=True)
        output = done.stdout + done.stderr
    if done.returncode:
        raise BootstrapError(explain_venv(output))


def _can_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_install(package: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-y", "-q", package]):
        subprocess.run(["apt-get", *arguments], env=environment, capture_output=True)


def _install(kind: str) -> None:
    names = requirement_files(kind)
    _say(f"Installing {' and '.join(names)} (first start: a minute or so) ...")
    files = [argument for name in names for argument in ("-r", str(ROOT / name))]
    if _install_by_uv(files):
        return
    command = [str(venv_python()), *PIP, "--progress-bar=off", *files]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output = _follow(process)
        finally:
            if process.poll() is None:
                process.terminate()
    if process.returncode:
        raise BootstrapError(explain_pip(output))


def _install_by_uv(files: list[str]) -> bool:
    """Install many times faster than pip; False when pip has to do it after all."""
    wanted = next((n for n in _locked_tools() if n.startswith("uv==")), None)
    if wanted is None:
        return False
    python = str(venv_python())
    get = subprocess.run([python, *PIP, "-q", wanted], capture_output=True)
    if get.returncode:
        return False
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet"]
    command += ["--python", python, *files]
    environment = {**os.environ, **uv_indexes(_pip_settings())}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def uv_indexes(pip: dict[str, str]) -> dict[str, str]:
    """Where pip was told to look for packages, in the words of uv, which ignores it.

    Args:
        pip: pip's settings by their short names, such as `extra-index-url`.
    """
    found = {uv: pip[name] for name, uv in UV_NAMES.items() if pip.get(name)}
    if found:
        # Like pip: the best version of all indexes, not the first index that has one.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = ",".join(found["UV_FIND_LINKS"].split())
    return found


def _pip_settings() -> dict[str, str]:
    """pip's settings; those of the environment come last and win."""
    command = [str(venv_python()), "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True)
    settings: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            settings[name.rpartition(".")[2]] = value.strip("'\"").replace("\\n", " ")
    return settings


def _locked_tools() -> list[str]:
    try:
        return (ROOT / DEV_REQUIREMENTS).read_text().split()
    except OSError:
        return []


def _follow(process: subprocess.Popen[str]) -> str:
    """All that pip says; how many packages it has found so far is shown."""
    lines: list[str] = []
    found = 0
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("Collecting "):
            found += 1
            _progress(f"  {found} packages: {line.split()[1][:40]}")
        elif line.startswith("Installing collected"):
            _progress(f"  {found} packages: unpacking")
    process.wait()
    _progress("")
    return "".join(lines)


def _read_stamp() -> dict[str, str]:
    try:
        stamp = json.loads(stamp_file().read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(kind: str) -> None:
    stamp = {"base": fingerprint("base"), kind: fingerprint(kind)}
    draft = stamp_file().with_suffix(".tmp")
    draft.write_text(json.dumps(stamp))
    draft.replace(stamp_file())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _progress(text: str) -> None:
    """Rewrite the last line of a terminal; a log gets no progress."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
