"""Step type `extract_data`: rows of values, of a page or a source."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, StepType
from apps.steps.browser.extraction import as_field
from apps.steps.browser.page import on_page
from apps.steps.browser.paging import over_pages
from apps.steps.browser.target import Target, TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.markup.fields import FieldSpec
from apps.steps.markup.reading import Wanted
from apps.steps.markup.source import SourceParams, read_source, selectors_of
from apps.steps.markup.tables import LINES, rows_of
from apps.steps.registry import register
from apps.steps.rows.values import FieldName


class ExtractDataParams(SourceParams):
    """Which elements make rows, and which values each has."""

    target: TargetParam | None = target_field(default=None)
    fields: dict[
        FieldName,
        Annotated[
            FieldSpec,
            BeforeValidator(as_field, json_schema_input_type=str | FieldSpec),
        ],
    ] = Field(
        default={},
        max_length=200,
        description="By name a selector inside the element, or `{target, attribute,"
        " regex, many, default, type, fields}`; without `target` the element itself.",
    )
    table: bool = Field(
        default=False,
        description="Read a table by the names of its columns, instead of `fields`:"
        " `target`, or the first one there is.",
    )
    next: TargetParam | None = Field(
        default=None,
        description="What leads to the next page of rows; it is clicked until there is"
        " none that can be.",
    )
    pages: int = Field(
        default=20, ge=1, le=1_000, description="How many pages are read at most."
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
        if self.table == bool(self.fields) or (self.table and self.many):
            raise ValueError("give `fields`, or `table` alone")
        if self.next is not None and not (self.many or self.table):
            raise ValueError("`next` goes with `many` or `table`")
        if self.next is not None and self.source is not None:
            raise ValueError("`next` is for open pages, not for a source")
        return self

    @property
    def place(self) -> Target | None:
        """Where the rows, or the table, are looked for."""
        if self.table and self.target is None:
            return Target(primary="table")
        return self.target

    @property
    def asked(self) -> dict[str, FieldSpec]:
        """The fields to read."""
        return {"lines": LINES} if self.table else self.fields


@register("extract_data")
class ExtractData(StepType[ExtractDataParams]):
    """Read values out of the open page, or out of HTML or XML text.

    The output has the fields by name; with `many` it is a list with one such row for
    each element that `target` finds. A field that a row lacks is its `default`. With
    `table` it is a list of the table's rows. With `next` the rows of the pages that
    follow come behind those of the open one.

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
        # Pages that follow are opened as `navigate` opens them.
        return Effect.READ if params.source is None else Effect.NONE

    def summary(self, params: ExtractDataParams) -> str:
        what = "the table" if params.table else ", ".join(params.fields)
        return f"read {what} of {params.target or 'the document'}"

    def run(self, params: ExtractDataParams, ctx: StepContext) -> Json:
        rows = _from_page(params, ctx) if params.source is None else _read(params, ctx)
        if params.table:
            return [*rows]
        finished = [
            {name: spec.finish(name, row[name]) for name, spec in params.fields.items()}
            for row in rows
        ]
        _warn_of_missing(params, finished, ctx)
        if params.many:
            return finished
        if finished:
            return finished[0]
        raise _nothing(params)


def _from_page(params: ExtractDataParams, ctx: StepContext) -> list[JsonObject]:
    fields = {name: spec.for_page() for name, spec in params.asked.items()}
    seconds = params.timeout.total_seconds()
    with on_page(ctx) as browser:

        def read() -> list[JsonObject]:
            found = browser.extract(params.place, fields, params.many, seconds)
            if isinstance(found, list):
                return found
            return rows_of(found["lines"]) if params.table else [found]

        if params.next is None:
            return read()
        return over_pages(ctx, browser, read, params.next, params.pages, seconds)


def _read(params: ExtractDataParams, ctx: StepContext) -> list[JsonObject]:
    wanted = _wanted(params.asked)
    rows = read_source(params, ctx, selectors_of(params.place), wanted, params.many)
    made = [dict(zip(params.asked, row, strict=True)) for row in rows]
    if not params.table:
        return made
    if not made:
        raise _nothing(params)
    return rows_of(made[0]["lines"])


def _nothing(params: ExtractDataParams) -> PermanentFailure:
    message = f"Nothing in the source fits `{params.place}`."
    return PermanentFailure(message, code="element_not_found")


def _wanted(fields: Mapping[str, FieldSpec]) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(
            name,
            selectors_of(spec.target),
            spec.attribute,
            spec.many,
            None if spec.fields is None else _wanted(spec.fields),
        )
        for name, spec in fields.items()
    )


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
