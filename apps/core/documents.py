"""Reading JSON and YAML that come from outside.

Both give plain JSON values that Python and PostgreSQL can hold, together with
the places (line and column, from 1) where the values stand. Whatever is wrong
raises `Invalid`, at the cost of one pass over the text.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property

from apps.core.errors import Invalid
from apps.core.paths import Path, format_path
from apps.core.text import unstorable
from apps.core.types import Json

Mark = tuple[int, int]
Marks = Mapping[Path, Mark]

MAX_DEPTH = 64
MAX_DIGITS = 1_000
MAX_CONTAINERS = 1_000_000

_STRING = re.compile(r'"[^"]*"')
_NO_BRACKET = re.compile(r"[^\[\]{}]+")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]|[^\s\[\]{},:"]+')


def invalid(
    message: str, path: Path = (), mark: Mark | None = None, *, code: str | None = None
) -> Invalid:
    """An error about one place of a document."""
    error: dict[str, object] = {"path": format_path(path), "message": message}
    if mark:
        error |= {"line": mark[0], "column": mark[1]}
    return Invalid(message, [error], code=code)


def too_deep(limit: int) -> Invalid:
    """The error for more than `limit` levels of nesting."""
    return invalid(f"It is nested deeper than {limit} levels.", code="too_deep")


def check_depth(text: str, limit: int) -> None:
    """Refuse JSON text nested deeper than `limit`, without recursion.

    Of the text only its brackets are kept; each round takes away the innermost
    pairs, which is one level.

    Raises:
        Invalid: it is too deep, or holds more lists and objects than memory should.
    """
    bare = _STRING.sub("", text.replace("\\\\", "").replace('\\"', ""))
    brackets = _NO_BRACKET.sub("", bare).replace("{", "[").replace("}", "]")
    if len(brackets) > 2 * MAX_CONTAINERS:
        message = f"It holds more than {MAX_CONTAINERS} lists and objects."
        raise invalid(message, code="too_large")
    for _ in range(limit):
        shorter = brackets.replace("[]", "")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    if "[]" in brackets or brackets.count("[") > limit:
        raise too_deep(limit)


def whole_number(text: str) -> int:
    """The integer that `text` spells.

    Raises:
        Invalid: more digits than the platform keeps.
    """
    if len(text) > MAX_DIGITS:
        raise invalid(f"A number has more than {MAX_DIGITS} digits.")
    return int(text)


def decimal_number(text: str) -> float:
    """The floating-point number that `text` spells.

    Raises:
        Invalid: it is too long or too large.
    """
    if len(text) > MAX_DIGITS:
        raise invalid(f"A number has more than {MAX_DIGITS} digits.")
    number = float(text)
    if not math.isfinite(number):
        raise invalid(f"The number {text[:40]} is too large.")
    return number


def _constant(text: str) -> float:
    raise invalid(f"{text} is not a JSON value.")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = names.most_common(1)[0][0]
        raise invalid(f"The name {twice[:100]!r} stands twice in one object.")
    return made


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=whole_number,
    parse_float=decimal_number,
    parse_constant=_constant,
)


def load_json(text: str, *, max_depth: int = MAX_DEPTH) -> tuple[Json, Marks]:
    """The value of JSON `text`, and where its parts stand.

    Raises:
        Invalid: no JSON, or a value that the platform does not take.
    """
    if text.startswith("\ufeff"):
        raise invalid("The text starts with a byte order mark.", code="not_json")
    check_depth(text, max_depth)
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        mark = error.lineno, error.colno
        raise invalid(f"It is not JSON: {error.msg}.", (), mark, code="not_json") from (
            error
        )
    except RecursionError as error:
        raise too_deep(max_depth) from error
    marks = JsonMarks(text)
    if _SUSPECT_ESCAPE.search(text):
        refuse_unstorable(value, marks)
    return value, marks


def refuse_unstorable(value: Json, marks: Marks) -> None:
    """Refuse NUL and half surrogate pairs in texts and names.

    Raises:
        Invalid: there is one.
    """
    for path in unstorable(value):
        message = "A text holds NUL or half of a surrogate pair."
        raise invalid(message, path, marks.get(path), code="invalid_text")


class JsonMarks(Mapping[Path, Mark]):
    """Where the values of a JSON text stand; found when first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getitem__(self, path: Path) -> Mark:
        return self._found[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> dict[Path, Mark]:
        """One walk over the tokens of a text that is known to be JSON."""
        found: dict[Path, Mark] = {}
        path: list[str | int] = []
        opened: list[str] = []
        is_name = False
        line, line_start, seen = 1, 0, 0
        for token in _TOKEN.finditer(self._text):
            text, at = token.group(), token.start()
            line += self._text.count("\n", seen, at)
            line_start = self._text.rfind("\n", 0, at) + 1 if line > 1 else 0
            seen = at
            if text == ",":
                is_name = opened[-1] == "{"
                if not is_name:
                    path[-1] = int(path[-1]) + 1
            elif text == ":":
                is_name = False
            elif text in "]}":
                opened.pop()
                path.pop()
                is_name = False
            elif is_name:
                path[-1] = json.loads(text)
            else:
                found.setdefault(tuple(path), (line, at - line_start + 1))
                if text in "[{":
                    opened.append(text)
                    path.append(0 if text == "[" else "")
                    is_name = text == "{"
        return found
