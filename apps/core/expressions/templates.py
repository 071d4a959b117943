"""Texts with expressions, and expressions alone, compiled once and evaluated often."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from apps.core.expressions import limits
from apps.core.expressions.chains import is_plain_path
from apps.core.expressions.compiler import Compiler
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.lexing import OPEN, Snippet, bare, split
from apps.core.expressions.lookups import Run
from apps.core.expressions.parsing import parse
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import PLAIN, Value, check_size, plain, text_of
from apps.core.types import Json

_CACHED = 2048


class Template:
    """A compiled text.

    Attributes:
        source: the text as written.
        render: evaluates it in a scope. A text that is one expression gives the
            value of it, any other gives text of at most 1 MiB. Values of paths are
            handed on as they are, not copied: do not change them. Raises
            ExpressionError with the place in `source`.
        references: every path looked up, e.g. `("steps", "rows", "output")`; it ends
            before the first index and before a key that is computed.
        required: those of `references` that no `default` or `is defined` guards.
        is_static: it holds no expression.
    """

    __slots__ = ("is_static", "references", "render", "required", "source")

    def __init__(
        self, source: str, render: Callable[[Scope], Json], compiler: Compiler | None
    ) -> None:
        self.source = source
        self.render = render
        self.is_static = compiler is None
        self.references = frozenset(compiler.references if compiler else ())
        self.required = frozenset(compiler.required if compiler else ())


@lru_cache(_CACHED)
def compile_template(source: str) -> Template:
    """A text with any number of `{{ … }}`.

    Raises:
        ExpressionError: it cannot be read; says where.
    """
    with _Located(source):
        parts = split(source)
        compiler = Compiler()
        snippets = [part for part in parts if isinstance(part, Snippet)]
        if not snippets:
            return Template(source, lambda scope: source, None)
        if len(snippets) == 1 and _is_alone(parts):
            return Template(source, _single(source, snippets[0], compiler), compiler)
        return Template(source, _mixed(source, parts, compiler), compiler)


@lru_cache(_CACHED)
def compile_expression(source: str) -> Template:
    """One expression, with or without `{{ }}` around it, as `if` and `while` have it.

    Raises:
        ExpressionError: it cannot be read, or is a text with more around it.
    """
    if source.lstrip().startswith(OPEN):
        with _Located(source):
            parts = split(source)
            if not _is_alone(parts):
                raise ExpressionError("the whole condition belongs inside one {{ }}")
        return compile_template(source)
    with _Located(source):
        compiler = Compiler()
        return Template(source, _single(source, bare(source), compiler), compiler)


def undefined_roots(
    references: Iterable[tuple[str, ...]], known: Iterable[str]
) -> frozenset[str]:
    """The first names of `references` that are not in `known`."""
    return frozenset({path[0] for path in references} - set(known))


class _Located:
    """Adds the source and place to an ExpressionError that passes."""

    __slots__ = ("_offset", "_source")

    def __init__(self, source: str, offset: int = 0) -> None:
        self._source = source
        self._offset = offset

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, ExpressionError):
            error.locate(self._source, self._offset)
        elif isinstance(error, RecursionError):
            raise _too_deep(self._source, self._offset) from None


def _too_deep(source: str, offset: int) -> ExpressionError:
    error = ExpressionError("the expression is nested too deeply")
    error.locate(source, offset)
    return error


def _is_alone(parts: list[str | Snippet]) -> bool:
    texts = [part for part in parts if isinstance(part, str)]
    return len(parts) - len(texts) == 1 and not "".join(texts).strip()


def _single(source: str, snippet: Snippet, compiler: Compiler) -> Run:
    tree = parse(snippet)
    run = compiler.compile(tree)
    if is_plain_path(tree):
        return _direct(source, run, snippet.start)
    offset = snippet.start

    def render(scope: Scope) -> Json:
        scope.built = 0
        try:
            return check_result(run(scope))
        except ExpressionError as error:
            error.locate(source, offset)
            raise
        except RecursionError:
            raise _too_deep(source, offset) from None

    return render


def _direct(source: str, run: Run, offset: int) -> Run:
    """A path alone: the shortest way, since most expressions are one."""

    def render(scope: Scope) -> Json:
        try:
            return run(scope)
        except ExpressionError as error:
            error.locate(source, offset)
            raise

    return render


def check_result(value: Value) -> Json:
    """`value`, known to be small enough to be kept: it may have been built here."""
    if value.__class__ is str:
        _check_text(value)
    elif value.__class__ in (list, dict):
        check_size(value)
    elif value.__class__ not in PLAIN:
        plain(value, "this value")
    return value


def _check_text(text: str) -> None:
    size = len(text)
    if size <= limits.MAX_TEXT < size * 4 and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    _check_length(size)


def _check_length(size: int) -> None:
    if size > limits.MAX_TEXT:
        raise ExpressionError(
            f"the text has more than {limits.MAX_TEXT // 1024} KiB once rendered"
        )


def _mixed(source: str, parts: list[str | Snippet], compiler: Compiler) -> Run:
    runs: list[tuple[int, Run, int]] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Snippet):
            runs.append((len(texts), compiler.compile(parse(part)), part.start))
        texts.append("" if isinstance(part, Snippet) else part)

    def render(scope: Scope) -> str:
        pieces = texts.copy()
        scope.built = 0
        at = size = 0
        try:
            for slot, run, at in runs:  # noqa: B007  # `at` tells where it failed
                piece = pieces[slot] = text_of(run(scope))
                size += len(piece)
                _check_length(size)
            text = "".join(pieces)
            _check_text(text)
        except ExpressionError as error:
            error.locate(source, at)
            raise
        except RecursionError:
            raise _too_deep(source, at) from None
        return text

    return render
