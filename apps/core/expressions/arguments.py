"""The arguments of a call, a filter or a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lookups import Run
from apps.core.expressions.registry import Entry
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import Value


@dataclass(frozen=True, slots=True)
class Arguments:
    """Closures of the arguments, evaluated at each call."""

    positional: tuple[Run, ...]
    named: tuple[tuple[str, Run], ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to evaluate."""
        return not self.positional and not self.named

    def apply(self, call: Callable[..., Any], scope: Scope, *leading: Value) -> Value:
        """What `call` gives for `leading` and the arguments as they are now."""
        values = [run(scope) for run in self.positional]
        if not self.named:
            return call(*leading, *values)
        return call(*leading, *values, **{name: run(scope) for name, run in self.named})

    def lazily(self, index: int, name: str) -> Run | None:
        """The closure of one argument, None if it was not written."""
        if index < len(self.positional):
            return self.positional[index]
        return dict(self.named).get(name)


def compile_arguments(
    compile_node: Callable[[nodes.Node], Run],
    node: nodes.Call | nodes.Filter | nodes.Test,
    entry: Entry,
    *,
    piped: int,
) -> Arguments:
    """The arguments of `node`, known to fit what `entry` takes.

    Raises:
        ExpressionError: too many, too few, unknown names, or `*list`/`**mapping`.
    """
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise ExpressionError(
            f"{entry.name}: *list and **mapping are not available", offset=node.lineno
        )
    # Jinja2 types its list of keyword arguments as pairs of a mapping, too.
    named = [each for each in node.kwargs if isinstance(each, nodes.Keyword)]
    names = [keyword.key for keyword in named]
    if len(set(names)) != len(names):
        raise ExpressionError(
            f"{entry.name}: an argument is given twice", offset=node.lineno
        )
    try:
        entry.check_arguments(len(node.args), names, piped)
    except ExpressionError as error:
        error.offset = node.lineno
        raise
    return Arguments(
        tuple(compile_node(each) for each in node.args),
        tuple((each.key, compile_node(each.value)) for each in named),
    )
