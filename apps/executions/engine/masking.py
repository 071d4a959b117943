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
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from apps.core.types import Json

Scalar = str | int | float | bool | None

SHORTEST = 8
HIDDEN = "***"
_PLACEHOLDER = re.compile("⟦secret:([A-Za-z0-9_]{1,64}):([0-9a-f]{32})⟧")
# Stands before the placeholder of a number, which a replay makes one again.
_NUMBER = "⟦number⟧"


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
        self._patterns = _Patterns({}, mark)

    @property
    def is_needed(self) -> bool:
        """Whether any secret was resolved at all."""
        return bool(self._resolved)

    def mask(self, value: Json) -> Json:
        """`value` with placeholders where secrets stood."""
        if not self._resolved:
            return value
        return _walk(value, self._current().mask_scalar)

    def hide(self, text: str) -> str:
        """`text` for people: `***` where secrets stood, in all their usual forms."""
        return self._current().hide(text) if self._resolved else text

    def hide_words(self, text: str) -> str:
        """`hide`, and short secrets too where they stand as words of their own."""
        text = self.hide(text)
        for value in self._resolved.values():
            if 0 < len(value) < SHORTEST:
                word = rf"(?<!\w){re.escape(value)}(?!\w)"
                text = re.sub(word, HIDDEN, text)
        return text

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in a text, in all their usual forms, in order.

        Short ones count where they stand as words of their own.
        """
        if not self._resolved:
            return []
        found = list(self._current().find(text))
        for value in self._resolved.values():
            if 0 < len(value) < SHORTEST and value in text:
                word = rf"(?<!\w){re.escape(value)}(?!\w)"
                found += [match.span() for match in re.finditer(word, text)]
        return _joined(found)

    def hide_all(self, value: Json) -> Json:
        """`value` for people, such as an error; never to be filled in again."""
        if not self._resolved:
            return value
        return conceal(_walk(value, self._current().mask_scalar))

    def _current(self) -> "_Patterns":
        if len(self._patterns.values) != len(self._resolved):
            self._patterns = _Patterns(dict(self._resolved), self._mark)
        return self._patterns

    def unmask(self, value: Json, secrets: Mapping[str, str]) -> Json:
        """`value` with the secrets put back: for a replay, never to be shown.

        A secret that was deleted meanwhile stays `***`.
        """

        def fill(match: re.Match[str]) -> str:
            if not hmac.compare_digest(match[2], self._mark):
                return match[0]
            return secrets.get(match[1], HIDDEN)

        def put_back(item: Scalar) -> Scalar:
            if not isinstance(item, str) or not has_placeholder(item):
                return item
            filled = _PLACEHOLDER.sub(fill, item)
            if filled.startswith(_NUMBER) and filled != item:
                return _number(filled.removeprefix(_NUMBER))
            return filled

        return _walk(value, put_back)


class _Patterns:
    """What to look for, made once for a set of secrets."""

    def __init__(self, values: dict[str, str], mark: str) -> None:
        self.values = values
        longest_first = sorted(
            values.items(), key=lambda item: len(item[1]), reverse=True
        )
        placeholders = {v: f"⟦secret:{name}:{mark}⟧" for name, v in longest_first if v}
        self._placeholders = placeholders
        long = [value for value in placeholders if len(value) >= SHORTEST]
        self._raw = re.compile("|".join(map(re.escape, long))) if long else None
        forms = {form for value in long for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def mask_scalar(self, item: Scalar) -> Scalar:
        if isinstance(item, str):
            return self._mask_text(item)
        if isinstance(item, bool) or item is None:
            return item
        text = str(item)
        if len(text) < SHORTEST or text not in self._placeholders:
            return item
        return _NUMBER + self._placeholders[text]

    def _mask_text(self, text: str) -> str:
        if text in self._placeholders:
            return self._placeholders[text]
        parts, at = [], 0
        for match in self._raw.finditer(text) if self._raw else ():
            parts += [self.hide(text[at : match.start()]), self._placeholders[match[0]]]
            at = match.end()
        parts.append(self.hide(text[at:]))
        return "".join(parts)

    def hide(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        for form in self._forms:
            at = text.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = text.find(form, at + len(form))


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def conceal(value: Json) -> Json:
    """A stored value for people: every placeholder as `***`."""

    def hide(item: Scalar) -> Scalar:
        if not isinstance(item, str) or not has_placeholder(item):
            return item
        return _PLACEHOLDER.sub(HIDDEN, item).removeprefix(_NUMBER)

    return _walk(value, hide)


def has_placeholder(text: str) -> bool:
    """Whether any placeholder stands in the text."""
    return "⟦secret:" in text


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _forms(value: str) -> set[str]:
    """A value and the forms in which programs usually pass it on."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        raw.hex(),
    }
    for safe in ("", "/"):
        forms |= {quote(raw, safe=safe), quote_plus(raw, safe=safe)}
    forms |= {_lower_escapes(form) for form in forms if "%" in form}
    forms |= {line for line in value.splitlines() if len(line) >= SHORTEST}
    for shift in range(3):
        # Base64 of the value at each alignment, without the edges that mix with
        # neighboring bytes.
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = encoded[4 if shift else 0 : len(encoded) - len(encoded) % 4]
        if len(inner) >= SHORTEST:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def _walk(value: Json, change: Callable[[Scalar], Scalar]) -> Json:
    if isinstance(value, list | tuple):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return {_key(key, change): _walk(item, change) for key, item in value.items()}
    return change(value)


def _key(key: str, change: Callable[[Scalar], Scalar]) -> str:
    return str(change(key)) if isinstance(key, str) else key
