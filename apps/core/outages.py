"""Which errors of the database pass by themselves: whoever can should try again."""

from django.db import InterfaceError, InternalError, OperationalError

# For `except`; what is caught by it and does not pass is to be raised again.
SUSPECT = (OperationalError, InterfaceError, InternalError)
# It takes no writes for now; it ended a session that slept inside a transaction.
_PASSING_STATES = frozenset({"25006", "25P03"})


def is_passing(error: BaseException | None) -> bool:
    """Whether the database only does not answer, or does not take writes, for now."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    if not isinstance(error, InternalError):
        return False
    return getattr(error.__cause__, "sqlstate", None) in _PASSING_STATES
