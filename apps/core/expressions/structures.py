"""Nested values whose texts may hold expressions, compiled as one."""

from collections.abc import Callable, Iterator
from typing import Any

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lexing import contains_expression
from apps.core.expressions.scope import Scope
from apps.core.expressions.templates import Template, compile_template
from apps.core.types import Json

_Place = tuple[str | int, ...]
_NO_REFERENCES: frozenset[tuple[str, ...]] = frozenset()


class Compiled:
    """A JSON value with the expressions in it. Keys of mappings are never templates.

    Attributes:
        is_static: no text in it holds an expression; then `render` gives the very
            same object each time.
        render: the value in a scope. Parts without expressions are shared with the
            source, not copied: do not change them. Raises ExpressionError, whose
            `path` leads to the text at fault.
        references, required: as in Template, of all texts together.
    """

    __slots__ = ("is_static", "references", "render", "required")

    def __init__(
        self,
        render: Callable[[Scope], Json],
        references: frozenset[tuple[str, ...]] = _NO_REFERENCES,
        required: frozenset[tuple[str, ...]] = _NO_REFERENCES,
        *,
        is_static: bool = False,
    ) -> None:
        self.render = render
        self.references = references
        self.required = required
        self.is_static = is_static


def compile_value(value: Json) -> Compiled:
    """`value` with every text in it compiled.

    Raises:
        ExpressionError: the first text that cannot be read; `path` leads to it.
    """
    return _compile(value, 0)


def value_errors(value: Json) -> list[ExpressionError]:
    """Every text in `value` that cannot be read, each with its `path`."""
    errors: list[ExpressionError] = []
    for path, text in _texts(value, ()):
        try:
            compile_template(text)
        except ExpressionError as error:
            error.path = path
            errors.append(error)
    return errors


def _compile(value: Json, depth: int) -> Compiled:
    if isinstance(value, str) and contains_expression(value):
        return _from_template(compile_template(value))
    if isinstance(value, list | dict) and value:
        if depth >= limits.MAX_STRUCTURE_DEPTH:
            raise ExpressionError("the value is nested too deeply")
        return _compile_entries(value, depth)
    return _static(value)


def _static(value: Json) -> Compiled:
    return Compiled(lambda scope: value, is_static=True)


def _from_template(template: Template) -> Compiled:
    if template.is_static:
        return _static(template.source)
    return Compiled(template.render, template.references, template.required)


def _compile_entries(value: list[Any] | dict[str, Any], depth: int) -> Compiled:
    moving: list[tuple[Any, Compiled]] = []
    for key, item in _entries(value):
        try:
            compiled = _compile(item, depth + 1)
        except ExpressionError as error:
            error.path = (key, *error.path)
            raise
        if not compiled.is_static:
            moving.append((key, compiled))
    if not moving:
        return _static(value)
    return Compiled(
        _renderer(value, [(key, compiled.render) for key, compiled in moving]),
        frozenset().union(*(compiled.references for _, compiled in moving)),
        frozenset().union(*(compiled.required for _, compiled in moving)),
    )


def _renderer(
    value: Any, moving: list[tuple[Any, Callable[[Scope], Json]]]
) -> Callable[[Scope], Json]:
    """Copies the top of `value` and fills in what has expressions."""

    def render(scope: Scope) -> Json:
        result = value.copy()
        key: Any = None
        try:
            for key, run in moving:
                result[key] = run(scope)
        except ExpressionError as error:
            error.path = (key, *error.path)
            raise
        return result

    return render


def _entries(value: list[Any] | dict[str, Any]) -> Iterator[tuple[str | int, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


def _texts(value: Json, path: _Place) -> Iterator[tuple[_Place, str]]:
    if isinstance(value, str):
        if contains_expression(value):
            yield path, value
    elif isinstance(value, list | dict) and len(path) < limits.MAX_STRUCTURE_DEPTH:
        for key, item in _entries(value):
            yield from _texts(item, (*path, key))
