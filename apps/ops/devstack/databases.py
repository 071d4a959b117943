"""The two database roles: one owns the tables, the other only uses them."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

OWNER_ROLE = "rpa_owner"
APP_ROLE = "rpa_app"
DATABASE = "rpa"

_ROLE_OPTIONS = {
    # Creates test databases and clones them.
    OWNER_ROLE: "NOSUPERUSER NOBYPASSRLS CREATEDB NOCREATEROLE",
    # Row level security holds only for a role that owns nothing.
    APP_ROLE: "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE",
}


@dataclass(frozen=True)
class Urls:
    """Addresses of one database for the application and for the tables' owner."""

    app: str
    owner: str


def prepare_database(superuser_url: str, name: str = DATABASE) -> Urls:
    """Make the roles and the database unless they are there.

    Args:
        superuser_url: signs in as a role that may create roles and databases.
    """
    prepare_roles(superuser_url)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        _make_database(connection, name)
    with psycopg.connect(url_for(superuser_url, name), autocommit=True) as connection:
        _close_public_schema(connection)
    return role_urls(superuser_url, name)


def prepare_roles(superuser_url: str) -> None:
    """Make the two roles, or give them their rights and passwords again."""
    with psycopg.connect(superuser_url) as connection:
        # Roles belong to the whole server: two starts at once would collide.
        connection.execute("SELECT pg_advisory_xact_lock(727661)")
        for role, options in _ROLE_OPTIONS.items():
            _make_role(connection, role, options, _role_password(superuser_url, role))


def role_urls(superuser_url: str, name: str = DATABASE) -> Urls:
    """The addresses that `prepare_database` makes valid."""
    app, owner = (
        url_for(superuser_url, name, role, _role_password(superuser_url, role))
        for role in (APP_ROLE, OWNER_ROLE)
    )
    return Urls(app=app, owner=owner)


def url_for(
    url: str, name: str, user: str | None = None, password: str | None = None
) -> str:
    """The same server's URL for another database, and another role when given."""
    parts = urlsplit(url)
    credentials = (
        f"{quote(user)}:{quote(password or '')}"
        if user
        else parts.netloc.rpartition("@")[0]
    )
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{credentials}@{host}" if credentials else host
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{quote(name)}"))


def _role_password(superuser_url: str, role: str) -> str:
    """The same at every start, so that addresses people wrote down stay right."""
    key = (urlsplit(superuser_url).password or "").encode()
    return hmac.new(key, role.encode(), hashlib.sha256).hexdigest()


def _make_role(
    connection: psycopg.Connection, role: str, options: str, password: str
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    verb = "ALTER" if known.fetchone() else "CREATE"
    statement = f"{verb} ROLE {{}} LOGIN {options} PASSWORD {{}}"
    connection.execute(
        sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password))
    )


def _make_database(connection: psycopg.Connection, name: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    if known.fetchone():
        return
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(OWNER_ROLE)
        )
    )


def _close_public_schema(connection: psycopg.Connection) -> None:
    """Only the owner makes tables; the application may look into the schema."""
    for statement in (
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {app}",
    ):
        connection.execute(
            sql.SQL(statement).format(
                owner=sql.Identifier(OWNER_ROLE), app=sql.Identifier(APP_ROLE)
            )
        )
