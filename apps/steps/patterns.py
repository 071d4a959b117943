"""Regular expressions of users: RE2 syntax, time linear in the text."""

from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, Field

MAX_BYTES = 512
MAX_MATCHES = 100_000
_MEMORY_BYTES = 8 * 1024 * 1024


@lru_cache(256)
def compile_pattern(pattern: str) -> Any:
    """The compiled pattern.

    Raises:
        ValueError: longer than 512 bytes, or no RE2 syntax (which has no look-around
            and no references back).
    """
    if len(pattern.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError(f"a pattern may have {MAX_BYTES} bytes at most")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b"cannot be read"
        text = (
            reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        )
        raise ValueError(f"the pattern is not valid: {text}") from None


def _checked(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


Pattern = Annotated[
    str, Field(min_length=1, max_length=MAX_BYTES), AfterValidator(_checked)
]


def first_match(pattern: str, text: str) -> str | None:
    """The first match: its first group when the pattern has one; null without one."""
    regex = compile_pattern(pattern)
    match = regex.search(text)
    if match is None:
        return None
    found: str | None = match.group(1 if regex.groups else 0)
    return found


def all_matches(pattern: str, text: str) -> list[str]:
    """All matches in order, at most 100,000; of each the first group, if any."""
    regex = compile_pattern(pattern)
    group = 1 if regex.groups else 0
    return [
        match.group(group) or "" for match in islice(regex.finditer(text), MAX_MATCHES)
    ]


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere in the text."""
    return compile_pattern(pattern).search(text) is not None
