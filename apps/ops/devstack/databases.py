"""The two database roles: one owns the tables, the other only uses them."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

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
    password = urlsplit(superuser_url).password or ""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role, options in _ROLE_OPTIONS.items():
            _make_role(connection, role, options, _role_password(password, role))
        _make_database(connection, name)
    owner = url_for(
        superuser_url, name, OWNER_ROLE, _role_password(password, OWNER_ROLE)
    )
    with psycopg.connect(url_for(superuser_url, name), autocommit=True) as connection:
        _close_public_schema(connection)
    app = url_for(superuser_url, name, APP_ROLE, _role_password(password, APP_ROLE))
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


def database_name(url: str) -> str:
    """The database a URL names."""
    return unquote(urlsplit(url).path.lstrip("/"))


def _role_password(superuser_password: str, role: str) -> str:
    """The same at every start, so that addresses people wrote down stay right."""
    key = superuser_password.encode()
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
