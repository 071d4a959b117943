"""Step type `extract_text`: the text of an element, of a page or a source."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.target import Target, TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.markup.fields import FieldSpec, ValueType
from apps.steps.markup.reading import Wanted
from apps.steps.markup.source import SourceParams, read_source, selectors_of
from apps.steps.patterns import Pattern, all_matches
from apps.steps.registry import register


class ExtractTextParams(SourceParams):
    """Which element, and what of its text."""

    target: TargetParam | None = target_field(default=None)
    attribute: str = Field(
        default="text",
        min_length=1,
        max_length=200,
        description="`text`, `html` (what is inside), or an attribute's name.",
    )
    regex: Pattern | None = Field(
        default=None,
        description="What of it counts: the first group, else all that matches.",
    )
    many: bool = Field(default=False, description="Whether to make a list of all.")
    default: Json = Field(
        default=None, description="For when there is none; without it, that fails."
    )
    type: ValueType = Field(default="text", description="What the text becomes.")
    timeout: Duration = Field(
        default=timedelta(seconds=10),
        description="How long to wait for the element of an open page.",
    )

    @model_validator(mode="after")
    def _has_place(self) -> Self:
        if self.source is None and self.target is None:
            raise ValueError("give `target`, `source` or both")
        if self.target is not None and self.format == "text":
            raise ValueError("a plain text has no elements to target")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether there are no elements, only text."""
        return self.source is not None and self.target is None and self.kind == "text"

    @property
    def field(self) -> FieldSpec:
        """The one value, as a field of the element that was found."""
        # All matches in a plain text are looked for before.
        regex = None if self.is_plain and self.many else self.regex
        return FieldSpec(attribute=self.attribute, regex=regex, type=self.type)


@register("extract_text")
class ExtractText(StepType[ExtractTextParams]):
    """Read the text of an element of the open page, or of HTML, XML or plain text.

    The output is the text; with `many` the list of the texts of all elements. In a
    `source` without `target`, `regex` is looked for in all of the text.

    Example:
        - id: total
          type: extract_text
          params: {target: "#total", regex: "[0-9.]+", type: number}
    """

    params_class = ExtractTextParams
    effect = Effect.READ
    needs_browser = True

    def uses_browser(self, given: Mapping[str, Json]) -> bool:
        return given.get("source") is None

    def effect_of(self, params: ExtractTextParams) -> Effect:
        return Effect.READ if params.source is None else Effect.NONE

    def summary(self, params: ExtractTextParams) -> str:
        return f"read {params.target or 'a text'}"

    def run(self, params: ExtractTextParams, ctx: StepContext) -> Json:
        found = _found(params, ctx)
        name = str(params.target or "text")
        finished = (params.field.finish(name, value) for value in found)
        values = [value for value in finished if value is not None]
        if params.many:
            return values or (params.default if _has_default(params) else [])
        if values:
            return values[0]
        if _has_default(params):
            return params.default
        raise _missing(params, bool(found))


def _has_default(params: ExtractTextParams) -> bool:
    return "default" in params.model_fields_set


def _all(params: ExtractTextParams) -> list[str]:
    text = params.source or ""
    return [text] if params.regex is None else all_matches(params.regex, text)


def _found(params: ExtractTextParams, ctx: StepContext) -> list[Any]:
    if params.source is None:
        return _from_page(params, ctx)
    if params.is_plain:
        return _all(params) if params.many else [params.source]
    place = selectors_of(params.target)
    wanted = (Wanted("text", (), params.attribute, False),)
    rows = read_source(params, ctx, place, wanted, params.many)
    return [row[0] for row in rows]


def _from_page(params: ExtractTextParams, ctx: StepContext) -> list[Any]:
    fields = {"text": {"attribute": params.attribute}}
    target: Target | None = params.target
    seconds = params.timeout.total_seconds()
    try:
        with on_page(ctx) as browser:
            found = browser.extract(target, fields, params.many, seconds)
    except PermanentFailure as error:
        if error.code == "element_not_found" and _has_default(params):
            return []
        raise
    rows = found if isinstance(found, list) else [found]
    return [row["text"] for row in rows]


def _missing(params: ExtractTextParams, is_found: bool) -> PermanentFailure:
    if params.regex is not None and is_found:
        return PermanentFailure(
            f"The pattern `{params.regex}` matches nothing there.", code="no_match"
        )
    if is_found:
        return PermanentFailure(
            f"`{params.target}` has no attribute {params.attribute!r}.", code="no_match"
        )
    return PermanentFailure(
        f"Nothing in the source fits `{params.target}`.", code="element_not_found"
    )
