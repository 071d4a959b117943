"""What goes wrong in an expression, and where."""

from collections.abc import Iterable
from difflib import get_close_matches

from apps.core.errors import PermanentFailure

_NAMES_COMPARED = 1000
_NAME_LENGTH = 80


class ExpressionError(PermanentFailure):
    """An expression cannot be read or cannot be evaluated.

    Attributes:
        source: the whole text that holds the expression, when known.
        line, column: where in `source`, from 1, when known.
        offset: characters before the fault in `source`, when known.
        path: keys and indexes from the compiled value to the text at fault.
    """

    code = "expression_error"

    def __init__(self, message: str = "", *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.source: str | None = None
        self.line: int | None = None
        self.column: int | None = None
        self.path: tuple[str | int, ...] = ()

    def locate(self, source: str, offset: int) -> None:
        """Say where the fault is, unless a closer place is known already."""
        if self.source is not None:
            return
        at = offset if self.offset is None else self.offset
        at = max(0, min(at, len(source)))
        self.source, self.offset = source, at
        self.line = source.count("\n", 0, at) + 1
        self.column = at - (source.rfind("\n", 0, at) + 1) + 1


class UndefinedName(ExpressionError):
    """A name, key or index that an expression looks up does not exist."""

    code = "undefined_name"


def near_misses(name: str, known: Iterable[str]) -> list[str]:
    """At most three names of `known` that `name` may have been meant to be."""
    if len(name) > _NAME_LENGTH:
        return []
    lowered: dict[str, str] = {}
    for candidate in known:
        if len(lowered) >= _NAMES_COMPARED:
            break
        if isinstance(candidate, str) and len(candidate) <= _NAME_LENGTH:
            lowered.setdefault(candidate.lower(), candidate)
    close = get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    return [lowered[match] for match in close]


def did_you_mean(candidates: Iterable[str]) -> str:
    """`; did you mean a or b?`, or nothing without candidates."""
    names = " or ".join(candidates)
    return f"; did you mean {names}?" if names else ""
