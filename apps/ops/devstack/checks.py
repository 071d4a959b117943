"""The single questions of `manage.py doctor`."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg
import redis
import requests

from apps.ops.devstack import browser
from apps.ops.devstack.errors import StackError
from apps.ops.devstack.processes import is_port_free
from apps.ops.devstack.redis import server_program
from apps.steps.browser.remote.place import problems, read_place
from rpa import bootstrap

DISK_NEEDED_BYTES = 2 * 1024**3
START_STACK = "Start `python3 manage.py up`, or set {}"


class State(StrEnum):
    """Whether something must be done."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One answer; the remedy is what a person can do about it."""

    name: str
    state: State
    found: str
    remedy: str = ""


def all_findings(root: Path, data_dir: Path, port: int) -> list[Finding]:
    """Ask everything; no question stops the others."""
    questions: list[Callable[[], list[Finding]]] = [
        lambda: [python(), venv(), requirements()],
        database,
        lambda: [broker()],
        browsers,
        lambda: [keys_kept(data_dir), address()],
        lambda: [disk(data_dir), web_port(port), mail(), beat(port)],
    ]
    return [finding for question in questions for finding in question()]


def python() -> Finding:
    """A supported version."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = bootstrap.OLDEST <= sys.version_info[:2] <= bootstrap.NEWEST
    state = State.OK if fits else State.PROBLEM
    return Finding("Python", state, version, "Install Python 3.11, 3.12 or 3.13")


def venv() -> Finding:
    """The environment that the bootstrap makes."""
    if bootstrap.venv_python().exists():
        return Finding("Virtual environment", State.OK, str(bootstrap.VENV))
    remedy = "Made by `python3 manage.py up`; not needed in a container"
    return Finding("Virtual environment", State.WARNING, sys.prefix, remedy)


def requirements() -> Finding:
    """Whether the stamp is that of the files."""
    kinds = [kind for kind in ("base", "dev") if bootstrap.is_current(kind)]
    if kinds:
        return Finding("Requirements", State.OK, " and ".join(kinds))
    remedy = "Run `python3 manage.py up` or pip install -r requirements.txt"
    return Finding("Requirements", State.WARNING, "not those of the files", remedy)


def database() -> list[Finding]:
    """PostgreSQL answers, the role is bound by row security, workers are seen."""
    url = os.environ.get("DATABASE_URL")
    remedy = START_STACK.format("DATABASE_URL")
    if not url:
        return [Finding("PostgreSQL", State.PROBLEM, "no DATABASE_URL", remedy)]
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            return [_version(connection), _role(connection), _workers(connection)]
    except psycopg.Error as error:
        found = str(error).strip().splitlines()[-1]
        return [Finding("PostgreSQL", State.PROBLEM, found, remedy)]


def _version(connection: psycopg.Connection) -> Finding:
    number = connection.info.server_version
    state = State.OK if number >= 150000 else State.PROBLEM
    found = f"version {number // 10000}.{number % 10000}"
    return Finding("PostgreSQL", state, found, "Use PostgreSQL 15 or newer")


def _role(connection: psycopg.Connection) -> Finding:
    query = """SELECT rolname, rolsuper OR rolbypassrls, EXISTS (
            SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relkind = 'r')
        FROM pg_roles WHERE rolname = current_user"""
    row = connection.execute(query).fetchone()
    name, bypasses, owns = row or ("?", True, True)
    remedy = "Sign in as a role that owns no table and bypasses no row security"
    if bypasses or owns:
        found = f"{name} {'bypasses row security' if bypasses else 'owns tables'}"
        return Finding("Database role", State.PROBLEM, found, remedy)
    return Finding("Database role", State.OK, str(name))


def _workers(connection: psycopg.Connection) -> Finding:
    query = """SELECT count(*) FROM executions_worker
        WHERE last_seen_at > now() - interval '1 minute'"""
    try:
        row = connection.execute(query).fetchone()
    except psycopg.errors.UndefinedTable:
        remedy = "Run `manage.py migrate`"
        return Finding("Database tables", State.PROBLEM, "none", remedy)
    alive = row[0] if row else 0
    state = State.OK if alive else State.WARNING
    return Finding("Workers", state, f"{alive} alive", "Start `manage.py worker`")


def broker() -> Finding:
    """Redis answers and forgets nothing."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return _server_program()
    client = redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=5, decode_responses=True
    )
    try:
        info = client.info("server")
        policy = client.info("memory").get("maxmemory_policy")
    except redis.RedisError as error:
        remedy = START_STACK.format("REDIS_URL")
        return Finding("Redis", State.PROBLEM, str(error), remedy)
    finally:
        client.close()
    found = f"version {info.get('redis_version')}, {policy}"
    state = State.OK if policy == "noeviction" else State.WARNING
    return Finding("Redis", state, found, "Set maxmemory-policy to noeviction")


def _server_program() -> Finding:
    try:
        found = f"{server_program(may_install=False)}, not started"
    except StackError as error:
        return Finding("Redis", State.PROBLEM, "no server", str(error))
    remedy = START_STACK.format("REDIS_URL")
    return Finding("Redis", State.PROBLEM, found, remedy)


def browsers() -> list[Finding]:
    """Those of the grid, if there is one; else those of this machine."""
    wrong = problems(
        os.environ.get("SELENIUM_REMOTE_URL", ""),
        listen=os.environ.get("EGRESS_PROXY_LISTEN", "127.0.0.1"),
        peers=os.environ.get("EGRESS_PROXY_PEERS", ""),
        proxy_host=os.environ.get("EGRESS_PROXY_HOST", ""),
    )
    if wrong:
        remedy = "See 'Browsers of another machine' in docs/deployment.md"
        return [Finding("Browser", State.PROBLEM, "; ".join(wrong), remedy)]
    return [grid()] if os.environ.get("SELENIUM_REMOTE_URL") else chromium()


def grid() -> Finding:
    """A WebDriver server that takes sessions now."""
    place = read_place(
        os.environ["SELENIUM_REMOTE_URL"],
        listen=os.environ.get("EGRESS_PROXY_LISTEN", "127.0.0.1"),
        proxy_host=os.environ.get("EGRESS_PROXY_HOST", ""),
    )
    try:
        session = requests.Session()
        session.trust_env = False
        with session:
            session.auth = (place.user, place.secret) if place.secret else None
            answer = session.get(f"{place.address}/status", timeout=5)
            answer.raise_for_status()
            is_ready = answer.json()["value"]["ready"] is True
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = f"answers {status}" if status else f"no answer ({type(error).__name__})"
        remedy = "Start the grid, or correct SELENIUM_REMOTE_URL"
        return Finding("Browser", State.PROBLEM, f"{place.host}: {why}", remedy)
    state = State.OK if is_ready else State.WARNING
    found = f"{place.host}, {'ready' if is_ready else 'not ready'}"
    return Finding("Browser", state, found, "Look at the grid's own status page")


def chromium() -> list[Finding]:
    """A browser and a driver of the same version."""
    found = browser.find()
    if found is None:
        remedy = browser.explain_missing()
        return [Finding("Browser", State.WARNING, "none", remedy)]
    version = browser.major_version(found.program)
    present = Finding("Browser", State.OK, f"{found.program}, version {version}")
    if found.driver is None:
        driver = Finding("Browser driver", State.OK, "fetched at the first use")
    else:
        state = State.OK if found.versions_match else State.PROBLEM
        number = browser.major_version(found.driver)
        text = f"{found.driver}, version {number}"
        remedy = "Install the driver of the browser's version, or remove the driver"
        driver = Finding("Browser driver", state, text, remedy)
    return [present, driver]


def address() -> Finding:
    """What people open, and what links in messages begin with."""
    url = os.environ.get("PUBLIC_URL")
    state = State.OK if url else State.WARNING
    remedy = "Set PUBLIC_URL to the address that people open"
    return Finding("Public address", state, url or "http://127.0.0.1:8000", remedy)


def keys_kept(data_dir: Path) -> Finding:
    """The secret keys, without showing them."""
    names = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
    given = [n for n in names if os.environ.get(n) or os.environ.get(f"{n}_FILE")]
    if len(given) == len(names):
        return Finding("Keys", State.OK, "in the environment")
    if (data_dir / "env").exists():
        return Finding("Keys", State.OK, str(data_dir / "env"))
    missing = ", ".join(name for name in names if name not in given)
    remedy = "Set them (see .env.example); `manage.py up` makes its own"
    return Finding("Keys", State.PROBLEM, f"no {missing}", remedy)


def disk(data_dir: Path) -> Finding:
    """Room for data, files and logs."""
    place = next(p for p in (data_dir, *data_dir.parents) if p.exists())
    free = shutil.disk_usage(place).free
    state = State.OK if free > DISK_NEEDED_BYTES else State.WARNING
    remedy = f"Make room on the disk of {place}"
    return Finding("Disk", state, f"{free / 1024**3:.1f} GiB free", remedy)


def web_port(port: int) -> Finding:
    """Free, or taken by the platform itself."""
    if is_port_free(port):
        return Finding("Port", State.OK, f"{port} is free")
    if _health(port) is not None:
        return Finding("Port", State.OK, f"{port} is used by the platform")
    remedy = "Choose another: `manage.py up --port N`"
    return Finding("Port", State.WARNING, f"{port} is used by another program", remedy)


def mail() -> Finding:
    """An SMTP server to send through."""
    host = os.environ.get("SMTP_HOST")
    state = State.OK if host else State.WARNING
    remedy = "Set SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASS to send e-mail"
    return Finding("E-mail", state, host or "no SMTP_HOST", remedy)


def beat(port: int) -> Finding:
    """The scheduler, as the web process sees it."""
    health = _health(port) or {}
    services = health.get("services")
    scheduler = services.get("scheduler") if isinstance(services, dict) else None
    runs = isinstance(scheduler, dict) and scheduler.get("isRunning") is True
    state = State.OK if runs else State.WARNING
    found = "alive" if runs else "not seen"
    return Finding("Beat", state, found, "Start `manage.py beat` (and `manage.py web`)")


def _health(port: int) -> dict[str, object] | None:
    """What the health endpoint says; None when nothing of ours listens."""
    try:
        session = requests.Session()
        session.trust_env = False  # a proxy cannot reach this machine's loopback
        with session:
            answer = session.get(f"http://127.0.0.1:{port}/api/health", timeout=5)
            body = answer.json()
    except (requests.RequestException, ValueError):
        return None
    return body if isinstance(body, dict) and "services" in body else None
