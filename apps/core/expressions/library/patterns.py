"""Filters over regular expressions: RE2, whose time grows with the text only."""

import re
from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.operators import check_list_length, check_text_length
from apps.core.expressions.registry import as_filter
from apps.core.expressions.values import Value

_MEMORY_BYTES = 4 * 1024 * 1024
_GROUP = re.compile(r"\\(?:([0-9]{1,2})|g<(\w{1,50})>|(\\))", re.ASCII)


@as_filter("regex_match")
def regex_match(value: Value, pattern: Value, ignore_case: Value = False) -> bool:
    """Whether the text matches the pattern from its beginning."""
    return (
        _search(value, pattern, ignore_case, "regex_match", at_start=True) is not None
    )


@as_filter("regex_search")
def regex_search(
    value: Value, pattern: Value, group: Value = 0, ignore_case: Value = False
) -> str | None:
    """The first match of the pattern (or a group of it), null without one."""
    match = _search(value, pattern, ignore_case, "regex_search", at_start=False)
    if match is None:
        return None
    try:
        found: str | None = match.group(group if group.__class__ in (int, str) else 0)
    except IndexError:
        raise ExpressionError("regex_search: the pattern has no such group") from None
    return found


@as_filter("regex_findall", builds=True)
def regex_find_all(
    value: Value, pattern: Value, ignore_case: Value = False
) -> list[Value]:
    """All matches: texts, or lists of texts when the pattern has several groups."""
    regex = _compiled(pattern, ignore_case)
    text = _searchable(value, "regex_findall")
    found = list(islice(regex.finditer(text), limits.MAX_LIST + 1))
    check_list_length(len(found))
    if regex.groups < 2:
        return [match.group(regex.groups) or "" for match in found]
    check_list_length(len(found) * regex.groups)
    return [list(match.groups(default="")) for match in found]


@as_filter("regex_replace")
def regex_replace(
    value: Value,
    pattern: Value,
    replacement: Value = "",
    count: Value = 0,
    ignore_case: Value = False,
) -> str:
    """The text with matches replaced; \\1 or \\g<name> stand for groups."""
    regex = _compiled(pattern, ignore_case)
    text = _searchable(value, "regex_replace")
    parts = _replacement(expect.text(replacement, "replacement", most=4096))
    most = expect.integer(count, "count", 0, limits.MAX_LIST)
    pieces: list[str] = []
    size = end = 0
    for match in islice(regex.finditer(text), most or limits.MAX_LIST + 1):
        new = [
            part if isinstance(part, str) else _group(match, part[0]) for part in parts
        ]
        new.append(text[end : match.start()])
        size += sum(map(len, new))
        check_text_length(size)
        pieces.append(new.pop() + "".join(new))
        check_list_length(len(pieces))
        end = match.end()
    check_text_length(size + len(text) - end)
    return "".join(pieces) + text[end:]


def _search(
    value: Value, pattern: Value, ignore: Value, who: str, *, at_start: bool
) -> Any:
    regex = _compiled(pattern, ignore)
    text = _searchable(value, who)
    return regex.match(text) if at_start else regex.search(text)


def _compiled(pattern: Value, ignore_case: Value) -> Any:
    text = expect.text(pattern, "the pattern", most=limits.MAX_PATTERN_BYTES)
    return _compile(text, ignore_case is True)


@lru_cache(256)
def _compile(pattern: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.case_sensitive = not ignore_case
    try:
        if len(pattern.encode()) > limits.MAX_PATTERN_BYTES:
            raise ExpressionError(
                f"a pattern may have {limits.MAX_PATTERN_BYTES} bytes at most"
            )
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise ExpressionError("the pattern holds half a character") from None
    except re2.error as error:
        reason = error.args[0] if error.args else "cannot be read"
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise ExpressionError(f"the pattern is not valid: {shown}") from None


def _searchable(value: Value, who: str) -> str:
    text = expect.long_text(value, who)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ExpressionError(f"{who}: the text holds half a character") from None
    return text


def _replacement(template: str) -> list[str | tuple[int | str]]:
    parts: list[str | tuple[int | str]] = []
    at = 0
    for match in _GROUP.finditer(template):
        parts.append(template[at : match.start()])
        if match[3]:
            parts.append("\\")
        else:
            parts.append((int(match[1]) if match[1] else match[2],))
        at = match.end()
    parts.append(template[at:])
    return parts


def _group(match: Any, name: int | str) -> str:
    try:
        return match.group(name) or ""
    except IndexError:
        raise ExpressionError(f"the pattern has no group {name}") from None
