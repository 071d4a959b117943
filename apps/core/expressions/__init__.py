"""Expressions: `{{ … }}` in texts and conditions, over plain JSON values.

Jinja2's parser reads them; what they may do is ours alone, so nothing in them can
reach Python: no attributes, no methods, no statements. Each is compiled once to
closures. Every operator, function and filter is bounded in time and size.
"""

from apps.core.expressions.errors import (
    ExpressionError,
    UndefinedName,
    did_you_mean,
    near_misses,
)
from apps.core.expressions.lexing import contains_expression
from apps.core.expressions.reference import (
    filters,
    functions,
    reference_markdown,
    tests,
)
from apps.core.expressions.registry import Entry
from apps.core.expressions.scope import Clock, Entropy, Scope
from apps.core.expressions.structures import Compiled, compile_value, value_errors
from apps.core.expressions.templates import (
    Template,
    compile_expression,
    compile_template,
    undefined_roots,
)
from apps.core.expressions.values import text_of, truth

__all__ = [
    "Clock",
    "Compiled",
    "Entropy",
    "Entry",
    "ExpressionError",
    "Scope",
    "Template",
    "UndefinedName",
    "compile_expression",
    "compile_template",
    "compile_value",
    "contains_expression",
    "did_you_mean",
    "filters",
    "functions",
    "near_misses",
    "reference_markdown",
    "tests",
    "text_of",
    "truth",
    "undefined_roots",
    "value_errors",
]
