"""Step type `validate_data`: good and bad rows apart."""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.rows.rules import Rule, RuleCheck
from apps.steps.rows.schema import SchemaCheck, check_schema
from apps.steps.rows.values import MAX_ROWS

MAX_ERRORS_SHOWN = 5


class ValidateDataParams(Params):
    """The rows and what they must be."""

    data: Json = Field(description="A list of rows; anything else is one row.")
    schema_: JsonObject | bool | None = Field(
        default=None,
        alias="schema",
        description="JSON Schema (draft 2020-12) of one row, without remote `$ref`.",
    )
    rules: list[Rule] = Field(
        default_factory=list, max_length=500, description="Rules for single fields."
    )
    on_invalid: Literal["split", "fail"] = Field(
        default="split", description="Whether bad rows are set apart or fail the step."
    )

    @field_validator("schema_")
    @classmethod
    def _is_schema(cls, schema: Any) -> Any:
        if schema is not None:
            check_schema(schema)
        return schema

    @model_validator(mode="after")
    def _checks_something(self) -> Self:
        if self.schema_ is None and not self.rules:
            raise ValueError("give `schema`, `rules` or both")
        return self


@register("validate_data")
class ValidateData(StepType[ValidateDataParams]):
    """Check rows by JSON Schema or by rules and set the bad ones apart.

    The output is `{good, bad, counts}`: the good rows, the bad ones as `{row, index,
    errors: [{field, message}]}`, and `{total, good, bad}`.

    Example:
        - id: checked
          type: validate_data
          params:
            data: "{{ steps.people.output.rows }}"
            rules:
              - {field: mail, required: true, type: email, unique: true}
              - {field: age, type: integer, min: 18, max: 120}
    """

    params_class = ValidateDataParams

    def summary(self, params: ValidateDataParams) -> str:
        return "check rows"

    def run(self, params: ValidateDataParams, ctx: StepContext) -> Json:
        rows = params.data if isinstance(params.data, list) else [params.data]
        if len(rows) > MAX_ROWS:
            raise PermanentFailure(
                f"More than {MAX_ROWS:,} rows.", code="too_many_rows"
            )
        good, bad = _split(rows, params)
        if bad and params.on_invalid == "fail":
            raise _failure(bad, len(rows))
        counts = {"total": len(rows), "good": len(good), "bad": len(bad)}
        return {"good": good, "bad": bad, "counts": counts}


def _split(
    rows: list[Json], params: ValidateDataParams
) -> tuple[list[Json], list[JsonObject]]:
    schema = None if params.schema_ is None else SchemaCheck(params.schema_)
    checks = [RuleCheck(rule) for rule in params.rules]
    good: list[Json] = []
    bad: list[JsonObject] = []
    for index, row in enumerate(rows):
        errors = [*(schema.errors(row) if schema else ()), *_broken(checks, row, index)]
        if errors:
            bad.append({"row": row, "index": index, "errors": errors})
        else:
            good.append(row)
    return good, bad


def _broken(checks: list[RuleCheck], row: Json, index: int) -> Iterator[JsonObject]:
    for check in checks:
        message = check.error(row, index)
        if message is not None:
            yield {"field": check.rule.field, "message": check.rule.message or message}


def _failure(bad: list[JsonObject], total: int) -> PermanentFailure:
    first = bad[0]["errors"][0]
    place = f"row {bad[0]['index']}"
    if first["field"]:
        place += f", {first['field']}"
    return PermanentFailure(
        f"{len(bad)} of {total} rows are not valid; {place}: {first['message']}",
        code="invalid_data",
        errors=[
            {"index": one["index"], "errors": one["errors"]}
            for one in bad[:MAX_ERRORS_SHOWN]
        ],
    )
