"""Which organization's rows the current transaction may see.

`tenant(organization)` and `system()` open a transaction and set a value that is
local to it; row level security reads that value. With nothing set, no row of any
tenant can be read or written. Blocks may be nested: leaving one restores what
was set before (a local setting survives the release of a savepoint, so it is
set back by hand).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.errors import RpaError

_SET = (
    "SELECT set_config('rpa.organization', %s, true), "
    "set_config('rpa.system', %s, true)"
)
_ATTRIBUTE = "_rpa_scope"


@dataclass(frozen=True)
class Scope:
    """Whose rows are seen: one organization's, all, or nobody's."""

    organization: str = ""
    system: str = "off"


_NOTHING = Scope()


class UnsafeRole(RpaError):
    """The database role could see or change rows past row level security."""

    code = "unsafe_database_role"


def _current(database: BaseDatabaseWrapper) -> Scope:
    # On the connection, not in a context variable: it describes this connection's
    # transaction, whichever thread or task holds it. Outside a transaction there
    # is none, whatever an interrupted block may have left here.
    if not database.in_atomic_block:
        return _NOTHING
    scope: Scope = getattr(database, _ATTRIBUTE, _NOTHING)
    return scope


def _set(database: BaseDatabaseWrapper, scope: Scope) -> None:
    with database.cursor() as cursor:
        cursor.execute(_SET, [scope.organization, scope.system])
    setattr(database, _ATTRIBUTE, scope)


def scope_of(organization_id: uuid.UUID | None) -> Scope:
    """The scope of one organization, or of all."""
    if organization_id is None:
        return Scope(system="on")
    return Scope(organization=str(organization_id))


def is_open(scope: Scope) -> bool:
    """Whether a transaction is open in just this scope."""
    return _current(transaction.get_connection()) == scope


def setting(scope: Scope) -> tuple[str, list[str]]:
    """The statement that sets the scope for the rest of a transaction."""
    return _SET, [scope.organization, scope.system]


@contextmanager
def scoped(scope: Scope) -> Iterator[None]:
    """A transaction, or a part of the open one, in this scope."""
    database = transaction.get_connection()
    before = _current(database)
    if before == scope:
        with transaction.atomic():
            yield
        return
    is_nested = database.in_atomic_block
    try:
        with transaction.atomic():
            _set(database, scope)
            yield
            if is_nested and not database.needs_rollback:
                _set(database, before)
    finally:
        # A rollback restores the setting in the database by itself.
        setattr(database, _ATTRIBUTE, before)


@contextmanager
def tenant(organization_id: uuid.UUID | str) -> Iterator[None]:
    """A transaction that sees the rows of one organization and no others."""
    with scoped(Scope(organization=str(uuid.UUID(str(organization_id))))):
        yield


@contextmanager
def system() -> Iterator[None]:
    """A transaction that sees the rows of all organizations.

    For the platform's own work across tenants; every use is listed in
    docs/architecture.md.
    """
    with scoped(Scope(system="on")):
        yield


def current_organization() -> uuid.UUID | None:
    """The organization of the innermost open `tenant` block, if any."""
    value = _current(connection).organization
    return uuid.UUID(value) if value else None


def assert_bound_role() -> None:
    """Check that row level security binds the role we are signed in as.

    Raises:
        UnsafeRole: the role is a superuser, may bypass row level security, or
            owns tables.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, EXISTS ("
            "  SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p')"
            "  AND pg_has_role(current_user, relowner, 'MEMBER')"
            "  AND relnamespace = 'public'::regnamespace)"
            " FROM pg_roles WHERE rolname = current_user"
        )
        name, superuser, bypasses, owns = cursor.fetchone()
    if superuser or bypasses or owns:
        raise UnsafeRole(
            f"The database role {name!r} is a superuser, bypasses row level security "
            "or owns tables. Sign in as a plain role: set DATABASE_URL to it and "
            "DATABASE_OWNER_URL to the owner (docs/deployment.md)."
        )
