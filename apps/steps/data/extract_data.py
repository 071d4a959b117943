"""Step type `extract_data`: rows of values, of a page or a source."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.markup.fields import FieldSpec
from apps.steps.markup.reading import Wanted
from apps.steps.markup.source import SourceParams, read_source, selectors_of
from apps.steps.registry import register
from apps.steps.rows.values import FieldName


def _as_field(given: Any) -> Any:
    """A text is the field's target."""
    return {"target": given} if isinstance(given, str) else given


class ExtractDataParams(SourceParams):
    """Which elements make rows, and which values each has."""

    target: TargetParam | None = target_field(default=None)
    fields: dict[
        FieldName,
        Annotated[
            FieldSpec,
            BeforeValidator(_as_field, json_schema_input_type=str | FieldSpec),
        ],
    ] = Field(
        min_length=1,
        max_length=200,
        description="By name a selector inside the element, or `{target, attribute,"
        " regex, many, default, type}`; without `target` the element itself.",
    )
    many: bool = Field(
        default=False, description="Whether each element that fits makes a row."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=10),
        description="How long to wait for the element of an open page.",
    )

    @model_validator(mode="after")
    def _is_markup(self) -> Self:
        if self.format == "text":
            raise ValueError("a plain text has no elements; use extract_text")
        if self.many and self.target is None:
            raise ValueError("`many` needs a `target` that finds the rows")
        return self


@register("extract_data")
class ExtractData(StepType[ExtractDataParams]):
    """Read values out of the open page, or out of HTML or XML text.

    The output has the fields by name; with `many` it is a list with one such row for
    each element that `target` finds. A field that a row lacks is its `default`.

    Example:
        - id: rows
          type: extract_data
          params:
            target: "table tr.overdue"
            fields:
              number: td.no
              total: {target: td.sum, type: number}
              link: {target: a, attribute: href}
            many: true
    """

    params_class = ExtractDataParams
    effect = Effect.READ
    needs_browser = True

    def uses_browser(self, given: Mapping[str, Json]) -> bool:
        return given.get("source") is None

    def effect_of(self, params: ExtractDataParams) -> Effect:
        return Effect.READ if params.source is None else Effect.NONE

    def summary(self, params: ExtractDataParams) -> str:
        return f"read {', '.join(params.fields)} of {params.target or 'the document'}"

    def run(self, params: ExtractDataParams, ctx: StepContext) -> Json:
        rows = _from_page(params, ctx) if params.source is None else _read(params, ctx)
        finished = [
            {name: spec.finish(name, row[name]) for name, spec in params.fields.items()}
            for row in rows
        ]
        _warn_of_missing(params, finished, ctx)
        if params.many:
            return finished
        if finished:
            return finished[0]
        raise PermanentFailure(
            f"Nothing in the source fits `{params.target}`.", code="element_not_found"
        )


def _from_page(params: ExtractDataParams, ctx: StepContext) -> list[JsonObject]:
    fields = {name: spec.for_page() for name, spec in params.fields.items()}
    seconds = params.timeout.total_seconds()
    with on_page(ctx) as browser:
        found = browser.extract(params.target, fields, params.many, seconds)
    return found if isinstance(found, list) else [found]


def _read(params: ExtractDataParams, ctx: StepContext) -> list[JsonObject]:
    wanted = tuple(
        Wanted(name, selectors_of(spec.target), spec.attribute, spec.many)
        for name, spec in params.fields.items()
    )
    place = selectors_of(params.target)
    rows = read_source(params, ctx, place, wanted, params.many)
    return [dict(zip(params.fields, row, strict=True)) for row in rows]


def _warn_of_missing(
    params: ExtractDataParams, rows: list[JsonObject], ctx: StepContext
) -> None:
    """A field that no row has is most likely a wrong selector."""
    for name, spec in params.fields.items():
        if (
            rows
            and spec.default is None
            and all(row[name] in (None, []) for row in rows)
        ):
            ctx.warn(f"no row has {name!r}: nothing fits `{spec.target or 'itself'}`")
