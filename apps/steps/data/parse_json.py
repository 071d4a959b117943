"""Step type `parse_json`: JSON text to a value."""

from typing import Any, Self

from pydantic import Field, model_validator

from apps.core.documents import load_json
from apps.core.errors import Invalid, PermanentFailure
from apps.core.types import Json
from apps.steps import delimited
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register

MAX_BYTES = 16 * 1024 * 1024
MAX_LINES = 1_000_000


class ParseJsonParams(Params):
    """The text."""

    text: str | None = Field(default=None, description="The text.")
    path: str | None = Field(
        default=None, max_length=1000, description="Or a file of the workspace."
    )
    lines: bool = Field(
        default=False, description="Whether each line is a value of its own (NDJSON)."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.text is None) == (self.path is None):
            raise ValueError("give either `text` or `path`")
        return self


@register("parse_json")
class ParseJson(StepType[ParseJsonParams]):
    """Read JSON text, or a file with it, into a value; with `lines` into a list.

    The output is the value. What PostgreSQL and browsers cannot hold is refused:
    nesting deeper than 64 levels, NaN, numbers of over 1,000 digits, names that stand
    twice in an object, NUL characters.

    Example:
        - id: order
          type: parse_json
          params: {text: "{{ steps.answer.output.text }}"}
    """

    params_class = ParseJsonParams
    effect = Effect.READ

    def effect_of(self, params: ParseJsonParams) -> Effect:
        return Effect.NONE if params.path is None else Effect.READ

    def summary(self, params: ParseJsonParams) -> str:
        return f"read JSON from {params.path or 'a text'}"

    def run(self, params: ParseJsonParams, ctx: StepContext) -> Json:
        text = _text(params, ctx)
        if len(text) > MAX_BYTES:
            raise PermanentFailure(
                f"The text is larger than {MAX_BYTES // 1024**2} MiB.", code="too_large"
            )
        return _all_lines(text) if params.lines else _value(text, 1)


def _text(params: ParseJsonParams, ctx: StepContext) -> str:
    if params.path is None:
        return params.text or ""
    content = ctx.files.read_bytes(params.path, max_bytes=MAX_BYTES)
    return delimited.decode(content, "auto")[0]


def _all_lines(text: str) -> list[Json]:
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise PermanentFailure(f"More than {MAX_LINES:,} lines.", code="too_large")
    return [_value(line, at) for at, line in enumerate(lines, 1) if line.strip()]


def _value(text: str, line: int) -> Json:
    try:
        return load_json(text.removeprefix("\ufeff"))[0]
    except Invalid as error:
        raise PermanentFailure(_told(error, line), code="not_json") from error


def _told(error: Invalid, line: int) -> str:
    """The first fault with its place."""
    fault: dict[str, Any] = dict(error.errors[0]) if error.errors else {}
    place = str(fault.get("path") or "")
    if "line" in fault:
        place = f"line {fault['line'] + line - 1}, column {fault['column']}"
    elif line > 1:
        place = f"line {line}"
    return f"{error} ({place})" if place else str(error)
