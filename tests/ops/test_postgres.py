"""The embedded PostgreSQL server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from apps.ops.devstack.databases import prepare_database
from apps.ops.devstack.errors import StackError
from apps.ops.devstack.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


def test_a_second_start_finds_the_running_server(server: EmbeddedPostgres) -> None:
    again = EmbeddedPostgres(server.data_dir)
    assert again.start() == server.url
    assert again.pid == server.pid


def test_data_and_address_survive_kill_9(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    before, url = server.pid, server.url
    assert before
    os.kill(before, signal.SIGKILL)
    assert server.start() == url
    assert server.pid != before
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_pid_file_of_another_process_is_passed_over(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    server.stop()
    (server.cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{server.cluster}\n")
    try:
        server.start()
    finally:
        server.stop()
    assert not server.is_running


def test_an_interrupted_first_start_begins_again(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.cluster.mkdir()
    (server.cluster / "PG_VERSION").write_text("18\n")
    try:
        server.start()
    finally:
        server.stop()


def test_stop_ends_in_a_clean_shutdown(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    server.stop()
    server.stop()
    assert "database system is shut down" in server.log_file.read_text()


def test_what_prevents_the_start_is_told(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, settings={"fsync": "perhaps"})
    with pytest.raises(StackError, match='"fsync" requires a Boolean'):
        server.start()


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    import socket
    from urllib.parse import urlsplit

    server = EmbeddedPostgres(tmp_path)
    port = urlsplit(server.url).port
    assert port
    with socket.create_server(("127.0.0.1", port)):
        try:
            assert urlsplit(server.start()).port != port
        finally:
            server.stop()


def test_the_application_role_owns_and_bypasses_nothing(
    server: EmbeddedPostgres,
) -> None:
    urls = prepare_database(server.url, "roles")
    query = """SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole
        FROM pg_roles WHERE rolname = current_user"""
    with psycopg.connect(urls.app) as connection:
        assert connection.execute(query).fetchone() == (False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


def test_preparing_twice_keeps_the_addresses(server: EmbeddedPostgres) -> None:
    urls = prepare_database(server.url, "twice")
    assert prepare_database(server.url, "twice") == urls
    with psycopg.connect(urls.owner) as connection:
        connection.execute("CREATE TABLE ours (id int)")


def test_strangers_need_the_password(server: EmbeddedPostgres) -> None:
    password = psycopg.conninfo.conninfo_to_dict(server.url)["password"]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url.replace(str(password), "guess"))
