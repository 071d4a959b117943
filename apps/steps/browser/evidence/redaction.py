"""Takes secrets out of what is kept as evidence."""

import re
from collections.abc import Sequence
from typing import Protocol

HIDDEN = "***"
# Texts are cut to this; what is recorded is longer, so that a secret at the cut is
# still whole when it is looked for.
LONGEST = 2_048
RECORDED = LONGEST + 12 * 1_024

Span = tuple[int, int]

_SENSITIVE = (
    r"(?:[a-z0-9_.-]*(?:pass(?:word|wd|phrase)|secret|token|credential|session"
    r"|signature|(?:api|access|private)[_-]?key)[a-z0-9_.-]*"
    r"|(?:[a-z0-9]+[_.-])*(?:key|auth|sig|sid|code|otp|pin|pwd|jwt|assertion|pass))"
)
_NAME = re.compile(_SENSITIVE, re.IGNORECASE | re.ASCII)
# Parameters in addresses, also where an address stands in a text.
_PARAMETER = re.compile(
    rf"(?<=[?&#;])({_SENSITIVE})=[^&#;\s\"'<>]+", re.IGNORECASE | re.ASCII
)
_USER = re.compile(r"(?<=://)[^\s/?#@]{1,500}@")
_ALWAYS_HIDDEN = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie"}
)


class Secrets(Protocol):
    """The secrets of one execution, as evidence has to know them."""

    @property
    def is_needed(self) -> bool:
        """Whether it has any."""

    def find(self, text: str) -> Sequence[Span]:
        """Where secrets stand in a text, in any of their usual forms, in order."""


def blanked(text: str, spans: Sequence[Span], *, until: int | None = None) -> str:
    """`text` with `***` at the spans; cut at `until`, a secret there left out whole."""
    end = len(text) if until is None else min(until, len(text))
    parts, at = [], 0
    for start, stop in spans:
        if start >= end:
            break
        parts += [text[at:start], HIDDEN]
        at = stop
    parts.append(text[at:end])
    return "".join(parts)


class Redactor:
    """Makes texts fit for people: secrets hidden, long ones cut.

    Answers are remembered, since the same headers come hundreds of times.
    """

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self._known: dict[str, str] = {}

    def text(self, raw: str) -> str:
        """A text without secrets, and without passwords in addresses."""
        found = self._known.get(raw)
        if found is None:
            spans = self.secrets.find(raw) if self.secrets.is_needed else ()
            found = blanked(raw, spans, until=LONGEST)
            if len(raw) > LONGEST:
                found += "…"
            found = _USER.sub(f"{HIDDEN}@", found)
            found = _PARAMETER.sub(rf"\1={HIDDEN}", found)
            self._known[raw] = found
        return found

    def value(self, name: str, raw: str) -> str:
        """The value of a header or parameter of this name."""
        is_hidden = name.lower() in _ALWAYS_HIDDEN or _NAME.fullmatch(name)
        return HIDDEN if is_hidden and raw else self.text(raw)
