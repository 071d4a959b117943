"""What the development stack tells its processes, and what it keeps between starts."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from apps.ops.devstack.errors import StackError
from apps.ops.devstack.server import write_private

DEFAULT_EMAIL = "admin@example.com"


def keys(data_dir: Path) -> dict[str, str]:
    """The installation's secret keys, made once and kept in `<data-dir>/env`."""
    file = data_dir / "env"
    known = _parse(file.read_text()) if file.exists() else {}
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    }
    if not made.keys() <= known.keys():
        known = {**made, **known}
        write_private(file, "".join(f"{k}={v}\n" for k, v in known.items()))
    return known


def _parse(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def development(data_dir: Path, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """The settings of a development stack; what is given in the environment wins.

    Args:
        port: where the web process listens.
    """
    defaults = {
        **keys(data_dir),
        "DATA_DIR": str(data_dir),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "REGISTRATION": "open",
        "RPA_DEMO": "1",
        "EGRESS_ALLOW": f"127.0.0.1:{port}",
        "WORKER_GRACE": "5",
        "PYTHONUNBUFFERED": "1",
    }
    own = {name: given.get(name, value) for name, value in defaults.items()}
    return {**own, "RPA_BOOTSTRAP": "0"}


def credentials(data_dir: Path, url: str) -> dict[str, str]:
    """The first user's sign-in; the password is made once and kept."""
    file = data_dir / "credentials.json"
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    sign_in = {
        "url": url,
        "email": known.get("email") or DEFAULT_EMAIL,
        "password": known.get("password") or secrets.token_urlsafe(15),
    }
    write_private(file, json.dumps(sign_in, indent=2) + "\n")
    return sign_in


@contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Nobody else runs a stack on this directory meanwhile.

    Raises:
        StackError: somebody does.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    # Opened for appending: the other one's process id must not be wiped out.
    with (data_dir / "up.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            raise StackError(
                f"another `manage.py up` (process {handle.read().strip() or '?'}) runs "
                f"on {data_dir}. Stop it, or choose another --data-dir and --port."
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
