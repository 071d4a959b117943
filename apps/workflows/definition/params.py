"""Checking a step's parameters on save, though expressions stand for some of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from apps.core.expressions import (
    Compiled,
    compile_value,
    contains_expression,
    value_errors,
)
from apps.core.paths import Path
from apps.core.types import Json, JsonObject
from apps.steps.base import Params, StepType
from apps.workflows.definition.problems import Problems, child, details
from apps.workflows.definition.shape import MOST_PARAM_LEVELS, depth_exceeds

# What a validator of ours raises; about values that it would see differently later.
_OWN_ERRORS = ("value_error", "assertion_error")
_UNION_TAGS = ("union_tag_invalid", "union_tag_not_found")


@dataclass(frozen=True, slots=True)
class Checked:
    """Parameters that were checked.

    Attributes:
        fixed: the validated parameters when no expression stands in them.
        compiled: the parameters with their expressions otherwise.
    """

    fixed: Params | None = None
    compiled: Compiled | None = None


def check_params(
    kind: StepType[Any], raw: JsonObject, at: Path, problems: Problems
) -> Checked:
    """The parameters, each literal validated and each expression compiled.

    What an expression stands for is validated when it is rendered.
    """
    if depth_exceeds(raw, MOST_PARAM_LEVELS):
        problems.add(at, f"is nested more than {MOST_PARAM_LEVELS} levels deep")
        return Checked()
    before = len(problems)
    for unreadable in value_errors(raw):
        problems.add_expression(at, unreadable)
    fixed = None
    try:
        fixed = kind.params_class.model_validate(raw)
    except ValidationError as error:
        found = errors_of_literals(details(error), raw)
        problems.add_found(found, at, kind.params_class, raw)
    if len(problems) > before:
        return Checked()
    compiled = compile_value(raw)
    return Checked(fixed=fixed) if compiled.is_static else Checked(compiled=compiled)


def texts_with_expressions(value: Json, at: Path) -> Iterator[tuple[Path, str]]:
    """Every text in `value` that holds an expression, with its place."""
    stack = [(at, value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, str):
            if contains_expression(item):
                yield path, item
        elif isinstance(item, dict):
            stack.extend(((*path, k), v) for k, v in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend(((*path, i), item[i]) for i in reversed(range(len(item))))


def has_expression(value: Json) -> bool:
    """Whether an expression stands anywhere in `value`."""
    return next(texts_with_expressions(value, ()), None) is not None


@dataclass
class _Alternative:
    """One branch of a union, by the errors that it has."""

    errors: list[int] = field(default_factory=list)


def errors_of_literals(found: list[ErrorDetails], raw: Json) -> list[ErrorDetails]:
    """Those errors that no rendered value can repair.

    Where one alternative of a union has no other errors than of expressions, it may
    turn out to be right, so that the other alternatives' errors do not count.
    """
    dropped = {i for i, error in enumerate(found) if _is_of_expression(error, raw)}
    unions: dict[Path, dict[str | int, _Alternative]] = {}
    for index, error in enumerate(found):
        # The last part of a missing key's place is that key.
        loc = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
        for at, tag in _tags(loc, raw):
            alternative = unions.setdefault(at, {}).setdefault(tag, _Alternative())
            alternative.errors.append(index)
    # From the innermost unions to the outermost, since those depend on these.
    for at in sorted(unions, key=len, reverse=True):
        alternatives = unions[at].values()
        if any(dropped.issuperset(one.errors) for one in alternatives):
            dropped.update(i for one in alternatives for i in one.errors)
    return [error for i, error in enumerate(found) if i not in dropped]


def _is_of_expression(error: ErrorDetails, raw: Json) -> bool:
    if error["type"] in ("missing", "extra_forbidden"):
        return False  # keys are never expressions
    value = raw
    for part in error["loc"]:
        if isinstance(value, str):
            break
        value = child(value, part, value)
    if isinstance(value, str) and contains_expression(value):
        return True
    if error["type"] in _UNION_TAGS and isinstance(value, dict):
        tag = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
        return has_expression(value.get(tag))
    return error["type"] in _OWN_ERRORS and has_expression(value)


def _tags(loc: tuple[str | int, ...], raw: Json) -> Iterator[tuple[Path, str | int]]:
    """Parts of `loc` that are no keys: names that Pydantic gives to alternatives."""
    value: Json = raw
    at: Path = ()
    missing = object()
    for part in loc:
        inner = child(value, part, missing)
        if inner is missing:
            yield at, part
        else:
            value = inner
        at = (*at, part)
