"""Step type `transform_data`: change, choose and combine rows."""

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.rows.operations import OperationChoice
from apps.steps.rows.values import MAX_ROWS


class TransformDataParams(Params):
    """The data and what is done with it."""

    data: Json = Field(description="A list of rows; for `jmespath`, any value.")
    operations: list[OperationChoice] = Field(
        min_length=1, max_length=100, description="One after another."
    )


@register("transform_data")
class TransformData(StepType[TransformDataParams]):
    """Change, choose and combine rows; the output is what comes out in the end.

    Fields inside others are named with dots (`address.city`), `@` is the row itself.
    A text that spells a number compares as a number with a number.

    Example:
        - id: totals
          type: transform_data
          params:
            data: "{{ steps.orders.output.rows }}"
            operations:
              - filter: {where: [{field: status, op: "!=", value: cancelled}]}
              - compute: {fields: {gross: "row.net | float * 1.2"}}
              - aggregate:
                  by: customer
                  fields: {total: {op: sum, field: gross}, orders: {op: count}}
              - sort: {by: [{field: total, order: desc}]}
              - limit: 10
    """

    params_class = TransformDataParams

    def summary(self, params: TransformDataParams) -> str:
        return "transform by " + ", ".join(choice.name for choice in params.operations)

    def run(self, params: TransformDataParams, ctx: StepContext) -> Json:
        data = params.data
        if isinstance(data, list) and len(data) > MAX_ROWS:
            raise PermanentFailure(
                f"More than {MAX_ROWS:,} rows.", code="too_many_rows"
            )
        for index, choice in enumerate(params.operations):
            try:
                data = choice.operation.apply(data)
            except PermanentFailure as error:
                raise PermanentFailure(
                    f"operations[{index}].{choice.name}: {error}", code=error.code
                ) from error
        return data
