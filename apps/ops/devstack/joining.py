"""Lets a command in another terminal use the platform that `manage.py up` runs."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from apps.ops.devstack import environment
from apps.ops.devstack.databases import role_urls
from apps.ops.devstack.postgres import EmbeddedPostgres
from apps.ops.devstack.redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[3]


def join() -> None:
    """Take over the settings of the stack in `DATA_DIR` (or `.rpa`), if there is one.

    Does nothing when the environment has a SECRET_KEY: then it is the operator, a
    container or the stack itself that says what to use.
    """
    data_dir = Path(os.environ.get("DATA_DIR", ROOT / ".rpa")).resolve()
    is_told = "SECRET_KEY" in os.environ or "SECRET_KEY_FILE" in os.environ
    if is_told or not (data_dir / "env").exists():
        return
    os.environ.update(environment.development(data_dir, _port(data_dir), os.environ))
    take_addresses(data_dir)


def take_addresses(data_dir: Path) -> None:
    """Name the stack's servers, unless the environment names others."""
    if "DATABASE_URL" not in os.environ and (data_dir / "postgres/cluster").exists():
        urls = role_urls(EmbeddedPostgres(data_dir / "postgres").url)
        os.environ["DATABASE_URL"] = urls.app
        os.environ["DATABASE_OWNER_URL"] = urls.owner
    if "REDIS_URL" not in os.environ and (data_dir / "redis/server.json").exists():
        os.environ["REDIS_URL"] = EmbeddedRedis(data_dir / "redis").url


def _port(data_dir: Path) -> int:
    try:
        known = json.loads((data_dir / "credentials.json").read_text())
        return urlsplit(known["url"]).port or 8000
    except (OSError, ValueError, KeyError):
        return 8000
