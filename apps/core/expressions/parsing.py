"""Turns the tokens of one expression into a tree, by Jinja2's parser."""

from collections.abc import Iterable

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lexing import Snippet, nesting


class _ExpressionParser(Parser):
    """Reads tokens that exist already; knows no statements and no extensions."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.stream = TokenStream(iter(tokens), None, None)
        self.name = self.filename = None

    def parse_all(self) -> nodes.Expr:
        tree = self.parse_expression()
        if not self.stream.eos:
            self.fail(f"unexpected {str(self.stream.current.value)[:40]!r}")
        return tree

    def parse_pow(self) -> nodes.Expr:
        """As in Python, `a ** b ** c` is `a ** (b ** c)`; Jinja2 has it reversed."""
        left = self.parse_unary()
        if self.stream.current.type != "pow":
            return left
        offset = next(self.stream).lineno
        return nodes.Pow(left, self.parse_pow(), lineno=offset)


def parse(snippet: Snippet) -> nodes.Expr:
    """The tree of one expression; `lineno` of its nodes is an offset in the text.

    Raises:
        ExpressionError: it cannot be read, or is nested more than 32 deep.
    """
    if not snippet.tokens:
        raise ExpressionError("the expression is empty", offset=snippet.start)
    for depth, token in nesting(snippet.tokens):
        if depth > limits.MAX_NESTING:
            raise ExpressionError(
                f"the expression is nested more than {limits.MAX_NESTING} deep",
                offset=token.lineno,
            )
    try:
        return _ExpressionParser(snippet.tokens).parse_all()
    except TemplateSyntaxError as error:
        message = (error.message or "cannot be read").replace(
            "end of template", "end of the expression"
        )
        raise ExpressionError(message, offset=error.lineno) from None
