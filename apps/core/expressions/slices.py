"""Slices of lists and texts: `rows[1:3]`, `name[:10]`."""

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lookups import MISSING, Run, Step
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import Value, kind


def slice_step(parts: list[Run | None], *, optional: bool) -> Step:
    """Cuts a list or text.

    Args:
        parts: start, stop and step.
        optional: an undefined value stays undefined.
    """

    def step(scope: Scope, value: Value) -> Value:
        if optional and value is MISSING:
            return MISSING
        if value.__class__ not in (list, str):
            raise ExpressionError(f"only lists and texts can be cut, not {kind(value)}")
        start, stop, stride = (_bound(part, scope) for part in parts)
        if stride == 0:
            raise ExpressionError("the step of a slice cannot be 0")
        return value[start:stop:stride]

    return step


def _bound(part: Run | None, scope: Scope) -> int | None:
    value = None if part is None else part(scope)
    if value is not None and value.__class__ is not int:
        raise ExpressionError(f"a slice needs whole numbers, not {kind(value)}")
    return value
