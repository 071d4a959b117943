"""Functions and filters that make one kind of value of another."""

import json
import math
import re

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.lookups import MISSING
from apps.core.expressions.registry import as_filter, function
from apps.core.expressions.values import (
    Value,
    check_size,
    kind,
    text_of,
    to_json,
    truth,
)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0", ""})
_JSON_PARTS = 200_000


@as_filter("default", "d")
def default(value: Value, default_value: Value = "", boolean: Value = False) -> Value:
    """default_value where the value is not defined; with true as second argument also
    where it is null, false, 0 or empty.
    """
    return default_value if boolean is True and not truth(value) else value


@function("int")
@as_filter("int")
def to_int(value: Value, default: Value = MISSING) -> Value:
    """A whole number from a number or text (decimals are cut off), else default."""
    found = _number(value)
    if found is None:
        return _fallback(value, default, "int")
    return int(found)


@function("float")
@as_filter("float")
def to_float(value: Value, default: Value = MISSING) -> Value:
    """A number with decimals from a number or text, else default."""
    found = _number(value)
    if found is None:
        return _fallback(value, default, "float")
    try:
        return float(found)
    except OverflowError:
        raise ExpressionError("the number is too large for float") from None


@function("str", "string")
@as_filter("string", "str")
def to_text(value: Value) -> str:
    """The value as text, as it would stand inside a text."""
    return text_of(value)


@function("bool")
@as_filter("bool")
def to_bool(value: Value) -> bool:
    """True or false; of texts true/yes/on/1 and false/no/off/0 are understood."""
    if value.__class__ is not str:
        return truth(value)
    word = value.strip().lower() if len(value) < 20 else value
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ExpressionError(
        f"bool cannot tell whether {expect.shown(value)} is true or false"
    )


@function("list")
@as_filter("list")
def to_list(value: Value) -> list[Value]:
    """A list: of the keys of a mapping or the characters of a text; [] of null."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value)
    return list(expect.text(value, "list", most=limits.MAX_LIST))


@as_filter("tojson", "to_json")
def dump(value: Value, indent: Value = None) -> str:
    """The value as JSON text."""
    blanks = None if indent is None else expect.integer(indent, "indent", 0, 8)
    return to_json(value, blanks)


@as_filter("fromjson", "from_json", builds=True)
def load(value: Value) -> Value:
    """The value that a JSON text of at most 1 MiB holds."""
    text = expect.text(value, "fromjson")
    if sum(map(text.count, ",[{")) > _JSON_PARTS:
        raise ExpressionError(f"fromjson takes at most {_JSON_PARTS} parts")
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # Half a character can be written so, and can be stored nowhere.
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ExpressionError("fromjson: the text holds half a character") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "no JSON"
        raise ExpressionError(f"fromjson: {reason}") from None
    check_size(found)
    return found


@function("typeof")
@as_filter("typeof", "type")
def type_name(value: Value) -> str:
    """null, boolean, number, text, list or mapping."""
    names = {"true or false": "boolean"}
    name = kind(value)
    return names.get(name, name.removeprefix("a "))


@as_filter("ternary")
def ternary(value: Value, yes: Value, no: Value) -> Value:
    """One of two values: the first if the condition holds."""
    return yes if truth(value) else no


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _number(value: Value) -> int | float | None:
    if value.__class__ is str:
        text = value.strip() if len(value) <= limits.MAX_DIGITS else ""
        if not _NUMBER.fullmatch(text):
            return None
        if text.lstrip("+-").isdecimal():
            return int(text)
        value = float(text)
    if value.__class__ is float and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float) else None


def _fallback(value: Value, default: Value, who: str) -> Value:
    if default is not MISSING:
        return default
    zero = "0" if who == "int" else "0.0"
    raise ExpressionError(
        f"{who} cannot make a number of {expect.shown(value)};"
        f" {who}({zero}) gives {zero} then"
    )
