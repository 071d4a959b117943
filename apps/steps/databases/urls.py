"""Which database a URL names."""

from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from apps.core.errors import PermanentFailure
from apps.core.workspace import checked_path

_POSTGRES = frozenset({"postgres", "postgresql"})
_SSL_MODES = frozenset({"disable", "prefer", "require", "verify-full"})
_PORT = 5432
_MOST_TEXT = 4096


class PostgresUrl(NamedTuple):
    """A database on a server.

    Attributes:
        sslmode: `disable`, `prefer`, `require` or `verify-full`.
    """

    host: str
    port: int
    user: str
    password: str
    database: str
    sslmode: str


class SqliteUrl(NamedTuple):
    """A database in a file of the workspace."""

    path: str


def parse_url(text: str) -> PostgresUrl | SqliteUrl:
    """What `postgresql://user:password@host/name` or `sqlite:///file.db` names.

    Options that would read files of this machine, or lead to another server than the
    one that was checked, do not exist here.

    Raises:
        PermanentFailure: `bad_url`; quotes nothing of the URL but names of options.
    """
    if len(text) > _MOST_TEXT:
        raise _bad("it is too long")
    try:
        parts = urlsplit(text)
        if parts.scheme in _POSTGRES:
            return _postgres(parts)
    except ValueError as error:
        raise _bad("it cannot be read; are all signs in the password encoded?") from (
            error
        )
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    raise _bad("it must begin with postgresql:// or sqlite:///")


def _postgres(parts: SplitResult) -> PostgresUrl:
    host, database = parts.hostname or "", unquote(parts.path.removeprefix("/"))
    if not host or "," in parts.netloc.rpartition("@")[2]:
        raise _bad("it must name one host")
    if not parts.username or not database or "/" in database:
        raise _bad("it must name a user and a database")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    sslmode = options.pop("sslmode", "prefer")
    if options:
        raise _bad(f"the option {min(options)[:40]!r} is not taken")
    if sslmode not in _SSL_MODES:
        raise _bad(f"`sslmode` is one of {', '.join(sorted(_SSL_MODES))}")
    user, password = unquote(parts.username), unquote(parts.password or "")
    if "\0" in user + password + database:
        raise _bad("it holds a NUL")
    return PostgresUrl(host, parts.port or _PORT, user, password, database, sslmode)


def _sqlite(parts: SplitResult) -> SqliteUrl:
    if parts.netloc or parts.query or parts.fragment:
        raise _bad("after sqlite:/// stands the path of a file in the workspace only")
    try:
        return SqliteUrl(checked_path(unquote(parts.path.removeprefix("/"))))
    except PermanentFailure as error:
        raise _bad("after sqlite:/// stands no path of a file in the workspace") from (
            error
        )


def _bad(reason: str) -> PermanentFailure:
    return PermanentFailure(
        f"The database's URL cannot be used: {reason}.", code="bad_url"
    )
