"""Paths into JSON documents, as errors name them: `steps[2].params.url`."""

import re
from collections.abc import Iterable
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_MAX_NAME = 100


def format_path(path: Iterable[str | int]) -> str:
    """`path` as text; names that are no plain words stand in brackets and quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _NAME.fullmatch(part):
            text += f".{part[:_MAX_NAME]}" if text else part[:_MAX_NAME]
        else:
            text += f"[{part[:_MAX_NAME]!r}]"
    return text
