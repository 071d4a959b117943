"""Cuts a text into plain parts and the tokens of its `{{ … }}` expressions.

Jinja2's lexer gives the tokens. We number them by their offset in the whole text
instead of by line, so that every node of the tree knows where it stands.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Token, get_lexer, operators

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError

OPEN = "{{"
_lexer = get_lexer(Environment(keep_trailing_newline=True, autoescape=True))
# `{%22…` is URL-encoded JSON and stays text; a statement has a word or a blank.
_STATEMENT = re.compile(r"\{%(?!\d|[a-fA-F]\d)[-+]?(?=[\s\w])")
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_LETTERS = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f",
    "\\": "\\", "'": "'", '"': '"', "/": "/", "\n": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snippet:
    """One expression: its tokens, and where its text begins and ends."""

    tokens: tuple[Token, ...]
    start: int
    end: int


def contains_expression(text: str) -> bool:
    """Whether `text` must be compiled: it holds `{{`, or a statement to refuse."""
    return OPEN in text or ("{%" in text and _STATEMENT.search(text) is not None)


def check_source(source: str) -> None:
    """Refuse a text that is too long to be read as one with expressions."""
    size = len(source)
    if size * 4 > limits.MAX_SOURCE_BYTES:
        size = len(source.encode("utf-8", "surrogatepass"))
    if size > limits.MAX_SOURCE_BYTES:
        raise ExpressionError(
            f"a text with expressions may have {limits.MAX_SOURCE_BYTES // 1024} KiB,"
            f" this one has {size // 1024 + 1}"
        )


def split(source: str) -> list[str | Snippet]:
    """The plain texts and expressions of `source`, in order.

    Raises:
        ExpressionError: a statement, an expression that is not closed or that holds
            no tokens, too many expressions, too long.
    """
    check_source(source)
    parts: list[str | Snippet] = []
    at = count = 0
    while (begin := source.find(OPEN, at)) >= 0:
        count += 1
        if count > limits.MAX_EXPRESSIONS:
            raise ExpressionError(
                f"a text may hold {limits.MAX_EXPRESSIONS} expressions", offset=begin
            )
        if begin > at:
            parts.append(_plain_part(source, at, begin))
        snippet = _snippet(source, begin)
        parts.append(snippet)
        at = snippet.end
    if at < len(source):
        parts.append(_plain_part(source, at, len(source)))
    return parts


def bare(source: str) -> Snippet:
    """The tokens of an expression written without braces."""
    check_source(source)
    tokens, end = _read(source, 0, closed=False)
    return Snippet(tokens, 0, end)


def _plain_part(source: str, start: int, end: int) -> str:
    statement = _STATEMENT.search(source, start, end)
    if statement is not None:
        raise ExpressionError(
            "statements ({% … %}) are not available, only expressions ({{ … }});"
            " for the two characters themselves write {{ '{%' }}",
            offset=statement.start(),
        )
    return source[start:end]


def _snippet(source: str, begin: int) -> Snippet:
    inside = begin + len(OPEN)
    if source.startswith("-", inside):
        raise ExpressionError(
            "{{- is not available: write {{ -x }} for a minus;"
            " blanks around an expression are kept",
            offset=begin,
        )
    tokens, end = _read(source, inside, closed=True)
    if not tokens:
        raise ExpressionError("the expression is empty", offset=begin)
    return Snippet(tokens, begin, end)


def _read(source: str, start: int, *, closed: bool) -> tuple[tuple[Token, ...], int]:
    """The tokens from `start` to the closing braces (or the end), and where it ended.

    The lexer turns CR LF into LF, so it reads a text of the same length without CR.
    """
    text = source[start:].replace("\r\n", " \n").replace("\r", "\n")
    tokens: list[Token] = []
    at = start
    depth = 0
    try:
        for _, name, piece in _lexer.tokeniter(text, None, state="variable"):
            if name == "variable_end":
                return _closing(tokens, piece, at, closed=closed)
            if name != "whitespace":
                depth += _bracket(piece) if name == "operator" else 0
                tokens.append(_token(name, source[at : at + len(piece)], at))
            at += len(piece)
    except TemplateSyntaxError as error:
        raise ExpressionError(_lexer_message(source, at, error), offset=at) from None
    if closed:
        raise ExpressionError("{{ is not closed by }}", offset=start - len(OPEN))
    if depth:
        raise ExpressionError("a bracket is not closed", offset=at)
    return tuple(tokens), at


def _bracket(piece: str) -> int:
    return (piece in "([{") - (piece in ")]}")


def _closing(
    tokens: list[Token], piece: str, at: int, *, closed: bool
) -> tuple[tuple[Token, ...], int]:
    if not closed:
        raise ExpressionError("}} without {{", offset=at)
    if piece.startswith("-"):
        raise ExpressionError(
            "-}} is not available: blanks around an expression are kept", offset=at
        )
    return tuple(tokens), at + len("}}")


def _lexer_message(source: str, at: int, error: TemplateSyntaxError) -> str:
    character = source[at : at + 1]
    if character and character in "'\"":
        return "a text is not closed by its quotation mark"
    if character and character in ")]}":
        return f"the brackets do not match: {error.message}"
    return f"unexpected character {character!r}"


def _token(name: str, piece: str, at: int) -> Token:
    if name == "string":
        return Token(at, name, _string(piece[1:-1], at))
    if name == "integer":
        return Token(at, name, _integer(piece, at))  # type: ignore[arg-type]  # as Jinja
    if name == "float":
        return Token(at, name, _float(piece, at))  # type: ignore[arg-type]  # as Jinja
    if name == "operator":
        return Token(at, operators[piece], piece)
    if not piece.isidentifier():
        raise ExpressionError(f"{piece!r} is no name", offset=at)
    return Token(at, name, piece)


def _integer(piece: str, at: int) -> int:
    if len(piece) > limits.MAX_DIGITS:
        raise ExpressionError("the number has too many digits", offset=at)
    value = int(piece.replace("_", ""), 0)
    if value.bit_length() > limits.MAX_INTEGER_BITS:
        raise ExpressionError("the number is too large", offset=at)
    return value


def _float(piece: str, at: int) -> float:
    value = float(piece.replace("_", "")) if len(piece) <= limits.MAX_DIGITS else 0.0
    if len(piece) > limits.MAX_DIGITS or not math.isfinite(value):
        raise ExpressionError("the number is too large", offset=at)
    return value


def _string(body: str, at: int) -> str:
    """The text that a literal means. An unknown escape stays as it is (`\\d`)."""
    value = _ESCAPE.sub(lambda match: _escape(match, at), body)
    if "\0" in value:
        raise ExpressionError("a text cannot hold the character NUL", offset=at)
    # Two escapes may make one character of two halves, as in JSON.
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        message = "a text cannot hold half a character (\\ud800 to \\udfff)"
        raise ExpressionError(message, offset=at) from None


def _escape(match: re.Match[str], at: int) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _LETTERS.get(match[4], match[0])
    if int(code, 16) > 0x10FFFF:
        raise ExpressionError(f"{match[0]} is no character", offset=at)
    return chr(int(code, 16))


def nesting(tokens: tuple[Token, ...]) -> Iterator[tuple[int, Token]]:
    """Each token with the depth that a parser would have reached there at most.

    Brackets, powers, inline ifs and runs of `not`, `-` and `+` make it call itself.
    """
    opened: list[tuple[int, int]] = []
    prefixes = rights = depth = 0
    for token in tokens:
        if token.type in ("lparen", "lbracket", "lbrace"):
            opened.append((prefixes, rights))
            depth += prefixes + rights + 1
            prefixes = rights = 0
        elif token.type in ("rparen", "rbracket", "rbrace") and opened:
            outer_prefixes, rights = opened.pop()
            depth -= outer_prefixes + rights + 1
            prefixes = 0
        elif token.type in ("sub", "add") or token.test("name:not"):
            prefixes += 1
        elif token.type in ("comma", "colon"):
            prefixes = rights = 0
        else:
            prefixes = 0
            rights += token.type == "pow" or token.test("name:if")
        yield depth + prefixes + rights, token
