"""Collecting what is wrong with a document: a JSON path and a sentence for each."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from apps.core.errors import Invalid
from apps.core.expressions import ExpressionError
from apps.core.paths import Path, format_path
from apps.core.types import Json

# A document full of mistakes must not make an answer of megabytes.
MOST_ERRORS = 500
_MISSING = object()
# Pydantic's words for the types of JSON, and ours.
_WORDS = {
    "Input should be": "must be",
    "a valid dictionary": "an object",
    "a valid list": "a list",
    "a valid string": "a text",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
}


def quoted(value: object, *, limit: int = 60) -> str:
    """`value` in quotes, cut when long, with nothing that breaks a line."""
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return f'"{clean}"'


def near_misses(word: str, options: Iterable[str]) -> list[str]:
    """At most three of `options` that look like `word`, whatever their case."""
    by_lower = {option.lower(): option for option in options}
    found = get_close_matches(word[:100].lower(), by_lower, n=3)
    return [by_lower[lower] for lower in found]


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The end of a sentence, with the near misses of `word`, or nothing."""
    near = near_misses(word, options)
    return f"; did you mean {' or '.join(map(quoted, near))}?" if near else ""


class Problems:
    """The mistakes found so far, in the order in which they were found."""

    def __init__(self) -> None:
        self.errors: list[dict[str, object]] = []
        self.left_out = 0

    def __len__(self) -> int:
        return len(self.errors) + self.left_out

    def add(self, path: Path, message: str) -> None:
        """Note one mistake."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append({"path": format_path(path), "message": message})
        else:
            self.left_out += 1

    def add_expression(self, path: Path, error: ExpressionError) -> None:
        """Note an expression that cannot be read."""
        message = error.message
        if error.line is not None and error.column is not None:
            place = f"line {error.line}, column {error.column} of the text"
            message = f"{message} ({place})"
        self.add((*path, *error.path), message)

    def add_found(
        self,
        found: Iterable[ErrorDetails],
        at: Path,
        model: type[BaseModel],
        raw: Json,
        more_keys: Iterable[str] = (),
    ) -> None:
        """Note what Pydantic found in `raw`, which stands at `at`.

        Args:
            model: what describes `raw`.
            more_keys: keys that are right at `at` beside the model's.
        """
        for error in found:
            loc = real_place(error, raw)
            cause = getattr(error.get("ctx", {}).get("error"), "__cause__", None)
            if isinstance(cause, ExpressionError):
                self.add_expression((*at, *loc), cause)
                continue
            known = keys_at(model, error["loc"][:-1])
            if len(loc) == 1:
                known += more_keys
            self.add((*at, *loc), sentence(error, known))

    def raise_if_any(self, message: str, code: str = "invalid") -> None:
        """Raise one error with all that was noted.

        Raises:
            Invalid: something was noted.
        """
        if not self.errors:
            return
        if self.left_out:
            text = f"{self.left_out} more mistakes are not listed"
            self.errors.append({"path": "", "message": text})
        raise Invalid(message, self.errors, code=code)


def child(value: Json, part: str | int, default: Any) -> Any:
    """The part of a list or object, or `default`."""
    if isinstance(value, str):
        return default
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return default


def real_place(error: ErrorDetails, raw: Json) -> Path:
    """Where an error is, without the names that Pydantic gives to alternatives."""
    place: list[str | int] = []
    for part in error["loc"]:
        found = child(raw, part, _MISSING)
        if found is not _MISSING:
            place.append(part)
            raw = found
    if error["type"] == "missing":
        place.append(error["loc"][-1])
    return tuple(place)


def details(error: ValidationError) -> list[ErrorDetails]:
    """What Pydantic found, without links to its own documentation."""
    return error.errors(include_url=False)


def sentence(error: ErrorDetails, known: Iterable[str] = ()) -> str:
    """Pydantic's error in our words."""
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return f"unknown key {quoted(key)}{did_you_mean(key, known)}"
    if kind == "missing":
        return "is required"
    message = error["msg"].removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours, 1)
    if kind == "literal_error" and isinstance(error["input"], str):
        message += did_you_mean(error["input"], _expected(error.get("ctx", {})))
    return message


def _expected(context: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']+)'", str(context.get("expected", "")))


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model as documents spell them."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        spelled = field.validation_alias or field.alias
        if isinstance(spelled, AliasChoices):
            keys += [choice for choice in spelled.choices if isinstance(choice, str)]
        else:
            keys.append(spelled if isinstance(spelled, str) else name)
    return keys


def keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that are right at `loc` below what `model` describes."""
    return [key for found in _models_at(model, loc) for key in keys_of(found)]


def _models_at(annotation: Any, loc: tuple[str | int, ...]) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return [annotation]
        for name, field in annotation.model_fields.items():
            if loc[0] in (name, field.alias, annotation.__name__):
                return _models_at(field.annotation, loc[1:])
        return []
    if get_origin(annotation) in (list, tuple, dict):
        return _models_at(get_args(annotation)[-1], loc[1:]) if loc else []
    return [m for option in get_args(annotation) for m in _models_at(option, loc)]
