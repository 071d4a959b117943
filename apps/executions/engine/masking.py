"""Keeps secrets out of everything that is stored.

Where a resolved secret's value stands in an output, a placeholder is stored; a
replay puts the value back, people see `***`. The placeholder carries a mark made
from the organization's id and our key, so that no web page can smuggle one in and
have it filled with a secret. Values of 8 characters and more are found anywhere in
a text, shorter ones only where they are the whole text.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from apps.core.types import Json

SHORTEST = 8
HIDDEN = "***"
_PLACEHOLDER = re.compile("⟦secret:([A-Za-z0-9_]{1,64}):([0-9a-f]{32})⟧")


def mark_of(organization_id: str, key: str) -> str:
    """The mark of one organization's placeholders: 32 hex digits."""
    digest = hmac.new(key.encode(), organization_id.encode(), hashlib.sha256)
    return digest.hexdigest()[:32]


class Masker:
    """Masks the secrets that one execution has resolved.

    Args:
        resolved: name to value; grows while the execution runs.
        mark: from `mark_of`.
    """

    def __init__(self, resolved: Mapping[str, str], mark: str) -> None:
        self._resolved = resolved
        self._mark = mark

    @property
    def is_needed(self) -> bool:
        """Whether any secret was resolved at all."""
        return bool(self._resolved)

    def mask(self, value: Json) -> Json:
        """`value` with placeholders where secrets stood."""
        return _walk(value, self._mask_text) if self._resolved else value

    def hide(self, text: str) -> str:
        """`text` for people: `***` where secrets stood, in all their usual forms."""
        for value in self._longest_first():
            for form in _forms(value):
                text = text.replace(form, HIDDEN)
        return text

    def _longest_first(self) -> list[str]:
        values = [v for v in self._resolved.values() if len(v) >= SHORTEST]
        return sorted(values, key=len, reverse=True)

    def _mask_text(self, text: str) -> str:
        for name, value in sorted(
            self._resolved.items(), key=lambda item: len(item[1]), reverse=True
        ):
            if text == value or (len(value) >= SHORTEST and value in text):
                text = text.replace(value, f"⟦secret:{name}:{self._mark}⟧")
        for value in self._longest_first():
            for form in _forms(value):
                if form in text:
                    text = text.replace(form, HIDDEN)
        return text

    def unmask(self, value: Json, secrets: Mapping[str, str]) -> Json:
        """`value` with the secrets put back: for a replay, never to be shown."""

        def fill(match: re.Match[str]) -> str:
            genuine = hmac.compare_digest(match[2], self._mark)
            return secrets[match[1]] if genuine else match[0]

        return _walk(value, lambda text: _PLACEHOLDER.sub(fill, text))


def conceal(value: Json) -> Json:
    """A stored value for people: every placeholder as `***`."""
    return _walk(value, lambda text: _PLACEHOLDER.sub(HIDDEN, text))


def has_placeholder(text: str) -> bool:
    """Whether any placeholder stands in the text."""
    return "⟦secret:" in text


def _forms(value: str) -> list[str]:
    """A value and the forms in which programs usually pass it on."""
    raw = value.encode()
    forms = {value, json.dumps(value)[1:-1], quote(value, safe="")}
    forms |= {line for line in value.splitlines() if len(line) >= SHORTEST}
    for shift in range(3):
        # Base64 of the value at each alignment, without the edges that mix with
        # neighboring bytes.
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = encoded[4 if shift else 0 : len(encoded) - len(encoded) % 4]
        if len(inner) >= SHORTEST:
            forms.add(inner)
    return sorted(forms, key=len, reverse=True)


def _walk(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _walk(item, change) for key, item in value.items()}
    return value
