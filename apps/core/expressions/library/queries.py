"""The filter `jmespath`: queries over nested data, with bounded work."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jmespath
from jmespath import exceptions, functions, visitor

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.operators import check_list_length, concat, equal
from apps.core.expressions.registry import as_filter
from apps.core.expressions.values import Value, check_size, count_nodes, text_of

# What makes the parser or the interpreter call itself, and what may double a value.
_JOINTS = re.compile(r"[\[({!&|.]")
_MAX_JOINTS = 64


@as_filter("jmespath", "json_query", builds=True)
def query(value: Value, expression: Value) -> Value:
    """What a JMESPath expression finds in the value, null if nothing."""
    text = expect.text(expression, "jmespath", most=limits.MAX_PATTERN_BYTES)
    parsed = _parse(text)
    try:
        found = _Interpreter().visit(parsed, value)
    except exceptions.JMESPathError as error:
        raise ExpressionError(f"jmespath: {str(error)[:300]}") from None
    except (RecursionError, ArithmeticError, ValueError, TypeError):
        raise ExpressionError("jmespath: the query cannot be evaluated") from None
    check_size(found)
    return found


@lru_cache(256)
def _parse(text: str) -> Any:
    if len(_JOINTS.findall(text)) > _MAX_JOINTS:
        raise ExpressionError(f"jmespath: more than {_MAX_JOINTS} parts")
    try:
        return jmespath.compile(text).parsed
    except exceptions.JMESPathError as error:
        raise ExpressionError(f"jmespath: {str(error)[:300]}") from None
    except (RecursionError, ValueError, TypeError, AttributeError):
        raise ExpressionError("jmespath: the query cannot be read") from None


class _Work:
    """Counts what one query does."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, amount: int) -> None:
        self.done += amount
        if self.done > limits.MAX_QUERY_WORK:
            raise ExpressionError("jmespath: the query takes too much work")

    def read(self, value: Value) -> None:
        """Count a value whose every part is going to be looked at."""
        if isinstance(value, list | dict):
            self.add(count_nodes(value, limits.MAX_QUERY_WORK))
        elif isinstance(value, str):
            self.add(len(value) // 64)


class _Functions(functions.Functions):
    """JMESPath's own functions; those that build texts look at sizes first."""

    work: _Work

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Value) -> str:
        return text_of(arg)

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, array: list[str]) -> str:
        return concat(array, separator)

    @functions.signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Value, search: Value) -> bool:
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        self.work.read(subject if isinstance(search, list | dict) else None)
        return search in subject

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        arguments = list(resolved_args)
        for argument in arguments:
            if isinstance(argument, str):
                self.work.add(len(argument) // 64)
            elif isinstance(argument, list | dict):
                self.work.add(len(argument))
        return super().call_function(function_name, arguments)


class _Interpreter(visitor.TreeInterpreter):
    def __init__(self) -> None:
        super().__init__()
        self._work = _Work()
        own = _Functions()
        own.work = self._work
        self._functions = own

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._work.add(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        total = sum(len(item) if isinstance(item, list) else 1 for item in base)
        check_list_length(total)
        self._work.add(total)
        return [each for item in base for each in _as_list(item)]

    def visit_slice(self, node: Any, value: Any) -> Any:
        self._work.add(len(value) if isinstance(value, list) else 0)
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        if node["value"] not in ("eq", "ne"):
            return super().visit_comparator(node, value)
        left, right = (self.visit(child, value) for child in node["children"])
        if isinstance(left, list | dict) and isinstance(right, list | dict):
            self._work.read(left)
        return equal(left, right) is (node["value"] == "eq")


def _as_list(item: Value) -> list[Value]:
    return item if isinstance(item, list) else [item]
