"""The embedded Redis server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from apps.ops.devstack.errors import StackError
from apps.ops.devstack.redis import EmbeddedRedis, server_program


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_second_start_finds_the_running_server(server: EmbeddedRedis) -> None:
    again = EmbeddedRedis(server.data_dir)
    assert again.start() == server.url
    assert again.pid == server.pid


def test_writes_survive_a_restart(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "42")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"42"


def test_starts_again_after_kill_9(server: EmbeddedRedis) -> None:
    before, url = server.pid, server.url
    assert before
    os.kill(before, signal.SIGKILL)
    assert server.start() == url
    assert server.pid != before


def test_is_a_queue_that_forgets_nothing(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        settings = client.config_get("appendonly", "maxmemory-policy", "bind")
    assert settings == {
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }


def test_strangers_need_the_password(server: EmbeddedRedis) -> None:
    client = redis.Redis.from_url(server.url.replace("redis://:", "redis://:x"))
    with client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_missing_server_is_told_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StackError, match="REDIS_URL"):
        server_program(may_install=False)
