"""The table of functions, filters and tests that expressions may use.

A function here is called with values that nobody has checked: each one checks kinds
and sizes itself and raises ExpressionError. Its docstring is its documentation.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from apps.core.expressions.errors import ExpressionError, did_you_mean, near_misses

_Call = Callable[..., Any]
_AnyCall = TypeVar("_AnyCall", bound=_Call)


@dataclass(frozen=True, slots=True)
class Entry:
    """One function, filter or test.

    Attributes:
        signature: the arguments as an author writes them, without the piped value.
        needs_scope: it is called with the Scope first.
        builds: what it gives is new, not parts of its arguments.
    """

    name: str
    call: _Call
    signature: str
    description: str
    aliases: tuple[str, ...]
    parameters: inspect.Signature
    needs_scope: bool = False
    builds: bool = False

    def check_arguments(self, positional: int, named: list[str], piped: int) -> None:
        """Refuse arguments that the call would not take.

        Args:
            piped: 1 when a value comes before the arguments (filters, tests).
        """
        leading = [None] * (piped + self.needs_scope + positional)
        try:
            self.parameters.bind(*leading, **dict.fromkeys(named))
        except TypeError as error:
            raise ExpressionError(f"{self.name}{self.signature}: {error}") from None


class Table:
    """Entries of one sort by name."""

    def __init__(self, sort: str, *, piped: int) -> None:
        self.sort = sort
        self.piped = piped
        self._entries: dict[str, Entry] = {}

    def register(
        self, *names: str, needs_scope: bool = False, builds: bool = False
    ) -> Callable[[_AnyCall], _AnyCall]:
        """Add the decorated function under its name and other names."""

        def add(call: _AnyCall) -> _AnyCall:
            parameters = inspect.signature(call)
            entry = Entry(
                name=names[0],
                call=call,
                signature=_signature(parameters, self.piped + needs_scope),
                description=_first_sentence(call),
                aliases=names[1:],
                parameters=parameters,
                needs_scope=needs_scope,
                builds=builds,
            )
            for name in names:
                if name in self._entries:
                    raise ValueError(f"two {self.sort}s are called {name}")
                self._entries[name] = entry
            return call

        return add

    def get(self, name: str, offset: int) -> Entry:
        """The entry of that name.

        Raises:
            ExpressionError: there is none; near misses are named.
        """
        entry = self._entries.get(name)
        if entry is None:
            meant = did_you_mean(near_misses(name, self._entries))
            raise ExpressionError(
                f"there is no {self.sort} {name}{meant}", offset=offset
            )
        return entry

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def entries(self) -> list[Entry]:
        """All entries, each once, in order of their names."""
        unique = {entry.name: entry for entry in self._entries.values()}
        return [unique[name] for name in sorted(unique)]


def _signature(parameters: inspect.Signature, leading: int) -> str:
    shown = [
        _parameter(each) for each in list(parameters.parameters.values())[leading:]
    ]
    return f"({', '.join(shown)})"


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{parameter.name}, …"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    if not isinstance(parameter.default, str | int | float | bool | None):
        return f"[{parameter.name}]"  # left out unless given
    words: dict[object, str] = {None: "null", True: "true", False: "false"}
    plain = isinstance(parameter.default, bool | None)
    default = words[parameter.default] if plain else repr(parameter.default)
    return f"{parameter.name}={default}"


def _first_sentence(call: _Call) -> str:
    if not call.__doc__:
        raise ValueError(f"{call.__name__} needs a docstring: it is documentation")
    return " ".join(call.__doc__.strip().split("\n\n")[0].split())


FUNCTIONS = Table("function", piped=0)
FILTERS = Table("filter", piped=1)
TESTS = Table("test", piped=1)

function = FUNCTIONS.register
as_filter = FILTERS.register
test = TESTS.register
