"""Functions whose value the engine repeats when it replays an execution."""

from uuid import UUID

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.registry import function
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import Value

_WIDEST = 2**limits.MAX_INTEGER_BITS - 1


@function("uuid", needs_scope=True)
def uuid(scope: Scope) -> str:
    """A new random UUID as text."""
    return str(UUID(int=scope.entropy().getrandbits(128), version=4))


@function("random", needs_scope=True)
def random(scope: Scope) -> float:
    """A random number from 0 up to, not including, 1."""
    return scope.entropy().random()


@function("randint", needs_scope=True)
def randint(scope: Scope, low: Value, high: Value) -> int:
    """A random whole number between two, both included."""
    first = expect.integer(low, "randint", -_WIDEST, _WIDEST)
    last = expect.integer(high, "randint", -_WIDEST, _WIDEST)
    if first > last:
        raise ExpressionError("randint: the first number must not be the larger")
    return scope.entropy().randint(first, last)


@function("choice", needs_scope=True)
def choice(scope: Scope, values: Value) -> Value:
    """A random item of a list."""
    found = expect.items(values, "choice")
    if not found:
        raise ExpressionError("choice needs a list with items")
    return scope.entropy().choice(found)
