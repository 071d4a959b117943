"""What text may hold: rules for everything that people and programs send."""

import difflib
import re
from collections.abc import Iterable, Iterator

from apps.core.paths import Path
from apps.core.types import Json

# NUL is refused by PostgreSQL, half a surrogate pair has no UTF-8 form.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# C0 and C1 controls without tab, line feed and carriage return.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# In one-line texts also line ends, and what turns or hides the text around it.
_LINE_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\u200b]"
)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold `text`."""
    return not _UNSTORABLE.search(text)


def has_controls(text: str, *, one_line: bool = False) -> bool:
    """Whether `text` holds characters that have no place in what people read."""
    return bool((_LINE_CONTROLS if one_line else _CONTROLS).search(text))


def unstorable(value: Json) -> Iterator[Path]:
    """Paths of all texts and names in `value` that cannot be stored."""
    waiting: list[tuple[Path, Json]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            if not is_storable(item):
                yield path
        elif isinstance(item, dict):
            if not all(map(is_storable, item)):
                yield path
            waiting.extend(((*path, name), child) for name, child in item.items())
        elif isinstance(item, list):
            waiting.extend(((*path, at), child) for at, child in enumerate(item))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?` with the nearest of the `known` words, else nothing."""
    near = difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
