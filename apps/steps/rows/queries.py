"""Queries on rows: JMESPath and the platform's own expressions, both bounded."""

from typing import Annotated

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field

from apps.core.expressions import ExpressionError, Scope, compile_expression
from apps.core.expressions.library.queries import query
from apps.core.types import Json


def _query_checked(text: str) -> str:
    try:
        jmespath.compile(text)
    except (
        JMESPathError,
        RecursionError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise ValueError(f"no JMESPath: {str(error)[:300]}") from None
    return text


def _expression_checked(text: str) -> str:
    try:
        compile_expression(text)
    except ExpressionError as error:
        raise ValueError(str(error)) from error
    return text


Query = Annotated[
    str, Field(min_length=1, max_length=512), AfterValidator(_query_checked)
]
# Written without braces: with them it would be evaluated before there is a row.
RowExpression = Annotated[
    str, Field(min_length=1, max_length=4096), AfterValidator(_expression_checked)
]


def ask(data: Json, text: Query) -> Json:
    """What the JMESPath query finds."""
    return query(data, text)


def compute(row: Json, index: int, text: RowExpression) -> Json:
    """The expression's value with the names `row` and `index`."""
    return compile_expression(text).render(Scope({"row": row, "index": index}))
