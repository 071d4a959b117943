"""What is done to a value on its way: operators, filters, tests, each measured."""

from collections.abc import Callable

from apps.core.expressions.arguments import Arguments
from apps.core.expressions.lookups import MISSING, Run, Step
from apps.core.expressions.operators import check_list_length, check_text_length
from apps.core.expressions.registry import Entry
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import PLAIN, Value, plain, truth, weight

_SMALL = 1024  # what is shorter is not worth counting: the source is short too


def constant(value: Value) -> Run:
    return lambda scope: value


def chained(run: Run, steps: list[Step]) -> Run:
    if not steps:
        return run
    if len(steps) == 1:
        only = steps[0]
        return lambda scope: only(scope, run(scope))

    def run_all(scope: Scope) -> Value:
        value = run(scope)
        for step in steps:
            value = step(scope, value)
        return value

    return run_all


def bounded(scope: Scope, value: Value) -> Value:
    """`value`, refused or counted when it is large."""
    if value.__class__ is str:
        size = len(value)
        if size > _SMALL:
            check_text_length(size)
            scope.charge(size)
    elif value.__class__ is list:
        size = len(value)
        if size > _SMALL:
            check_list_length(size)
            scope.charge(size * 8)
    return value


def _bounded_new(scope: Scope, value: Value) -> Value:
    """Like `bounded`, for a value that shares nothing with others."""
    if value.__class__ in (str, list, dict):
        scope.charge(weight(value))
    return bounded(scope, value)


def measure_of(entry: Entry) -> Step:
    return _bounded_new if entry.builds else bounded


def binary_step(operate: Callable[[Value, Value], Value], right: Run) -> Step:
    def step(scope: Scope, left: Value) -> Value:
        value = operate(left, right(scope))
        if value.__class__ is str or value.__class__ is list:
            return bounded(scope, value)
        return value

    return step


def filter_step(entry: Entry, arguments: Arguments) -> Step:
    call, measure = entry.call, measure_of(entry)

    def step(scope: Scope, value: Value) -> Value:
        if value.__class__ is str and len(value) > _SMALL:
            scope.charge(len(value) // 8)
        if arguments.is_empty:
            return measure(scope, call(value))
        return measure(scope, arguments.apply(call, scope, value))

    return step


def test_step(entry: Entry, arguments: Arguments) -> Step:
    call = entry.call
    return lambda scope, value: arguments.apply(call, scope, value)


def default_step(arguments: Arguments) -> Step:
    fallback = arguments.lazily(0, "default_value") or constant("")
    empty_too = arguments.lazily(1, "boolean") or constant(False)

    def step(scope: Scope, value: Value) -> Value:
        if value is not MISSING and value.__class__ not in PLAIN:
            plain(value, "this value")
        if value is MISSING or (truth(empty_too(scope)) and not truth(value)):
            return fallback(scope)
        return value

    return step
