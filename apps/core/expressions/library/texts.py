"""Filters over texts."""

import re
import unicodedata

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.library.lists import pick
from apps.core.expressions.operators import check_list_length, check_text_length, concat
from apps.core.expressions.registry import as_filter
from apps.core.expressions.values import Value

_WIDEST = 10_000


@as_filter("upper")
def upper(value: Value) -> str:
    """The text in capital letters."""
    return expect.text(value, "upper").upper()


@as_filter("lower")
def lower(value: Value) -> str:
    """The text in small letters."""
    return expect.text(value, "lower").lower()


@as_filter("title")
def title(value: Value) -> str:
    """The text with a capital letter at the start of each word."""
    words = expect.text(value, "title").split(" ")
    return " ".join(word[:1].upper() + word[1:].lower() for word in words)


@as_filter("capitalize")
def capitalize(value: Value) -> str:
    """The text with its first letter as a capital, the others small."""
    return expect.text(value, "capitalize").capitalize()


@as_filter("trim", "strip")
def trim(value: Value, characters: Value = None) -> str:
    """The text without blanks (or the given characters) at both ends."""
    wanted = None if characters is None else expect.text(characters, "trim")
    return expect.long_text(value, "trim").strip(wanted)


@as_filter("removeprefix")
def remove_prefix(value: Value, prefix: Value) -> str:
    """The text without a beginning that it may have."""
    start = expect.text(prefix, "removeprefix")
    return expect.long_text(value, "removeprefix").removeprefix(start)


@as_filter("removesuffix")
def remove_suffix(value: Value, suffix: Value) -> str:
    """The text without an ending that it may have."""
    end = expect.text(suffix, "removesuffix")
    return expect.long_text(value, "removesuffix").removesuffix(end)


@as_filter("startswith")
def starts_with(value: Value, prefix: Value) -> bool:
    """Whether the text begins with another."""
    start = expect.text(prefix, "startswith")
    return expect.long_text(value, "startswith").startswith(start)


@as_filter("endswith")
def ends_with(value: Value, suffix: Value) -> bool:
    """Whether the text ends with another."""
    end = expect.text(suffix, "endswith")
    return expect.long_text(value, "endswith").endswith(end)


@as_filter("replace")
def replace(value: Value, old: Value, new: Value, count: Value = None) -> str:
    """The text with every (or the first `count`) `old` replaced by `new`."""
    text = expect.long_text(value, "replace")
    before, after = expect.text(old, "replace"), expect.text(new, "replace")
    if not before:
        raise ExpressionError("replace needs a text to look for")
    found = text.count(before)
    if count is not None:
        found = min(found, expect.integer(count, "count", 0, limits.MAX_INPUT_TEXT))
    check_text_length(len(text) + found * (len(after) - len(before)))
    return text.replace(before, after, found)


@as_filter("split", builds=True)
def split(value: Value, separator: Value = None, limit: Value = None) -> list[str]:
    """The parts of the text between separators (or blanks), as a list."""
    text = expect.long_text(value, "split")
    between = None if separator is None else expect.text(separator, "split")
    if between == "":
        raise ExpressionError("split needs a separator that is not empty")
    most = limits.MAX_LIST
    if limit is not None:
        most = expect.integer(limit, "limit", 1, limits.MAX_LIST) - 1
    parts = text.split(between, most)
    check_list_length(len(parts))
    return parts


@as_filter("lines", builds=True)
def lines(value: Value) -> list[str]:
    """The lines of the text as a list."""
    text = expect.long_text(value, "lines")
    check_list_length(text.count("\n") + text.count("\r"))
    found = text.splitlines()
    check_list_length(len(found))
    return found


@as_filter("join")
def join(value: Value, separator: Value = "", attribute: Value = None) -> str:
    """The items of a list (or one key of each) as one text."""
    between = expect.text(separator, "join")
    found = expect.items(value, "join")
    if attribute is not None:
        return concat((pick(item, attribute, "join") for item in found), between)
    return concat(found, between)


@as_filter("truncate")
def truncate(value: Value, length: Value = 255, end: Value = "…") -> str:
    """The text cut to `length` characters, `end` included when it was longer."""
    text, mark = expect.long_text(value, "truncate"), expect.text(end, "truncate")
    most = expect.integer(length, "length", 0, limits.MAX_TEXT)
    if len(text) <= most:
        return text
    return text[: max(0, most - len(mark))] + mark[:most]


@as_filter("indent")
def indent(value: Value, width: Value = 4, first: Value = False) -> str:
    """The text with `width` blanks before each line but the first (or all)."""
    text = expect.text(value, "indent")
    blanks = expect.integer(width, "width", 0, 200)
    check_text_length(len(text) + blanks * (text.count("\n") + 1))
    shifted = re.sub(r"\n(?=[^\n])", "\n" + " " * blanks, text)
    return " " * blanks + shifted if first is True and text else shifted


@as_filter("center")
def center(value: Value, width: Value = 80) -> str:
    """The text in the middle of `width` characters."""
    blanks = expect.integer(width, "width", 0, _WIDEST)
    return expect.text(value, "center").center(blanks)


@as_filter("ljust")
def ljust(value: Value, width: Value, fill: Value = " ") -> str:
    """The text filled up at its end to `width` characters."""
    return expect.text(value, "ljust").ljust(_width(width), _fill(fill))


@as_filter("rjust")
def rjust(value: Value, width: Value, fill: Value = " ") -> str:
    """The text filled up at its beginning to `width` characters."""
    return expect.text(value, "rjust").rjust(_width(width), _fill(fill))


@as_filter("slug")
def slug(value: Value) -> str:
    """The text as small letters, digits and hyphens, for addresses and file names."""
    text = unicodedata.normalize("NFKD", expect.text(value, "slug", most=_WIDEST))
    plain = text.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


@as_filter("wordcount")
def word_count(value: Value) -> int:
    """How many words the text has."""
    return len(expect.text(value, "wordcount").split())


def _width(width: Value) -> int:
    return expect.integer(width, "width", 0, _WIDEST)


def _fill(fill: Value) -> str:
    character = expect.text(fill, "fill")
    if len(character) != 1:
        raise ExpressionError("fill must be one character")
    return character
