"""Step type `set_variable`: keep a value under a name."""

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register


class SetVariableParams(Params):
    """The name and the value."""

    name: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="Letters, digits and `_`; later steps say `variables.NAME`.",
    )
    value: Json = Field(description="Any value.")


@register("set_variable")
class SetVariable(StepType[SetVariableParams]):
    """Set a variable of the workflow; the output is its value.

    Example:
        - type: set_variable
          params: {name: total, value: "{{ variables.total + row.amount }}"}
    """

    params_class = SetVariableParams
    variable_param = "name"

    def summary(self, params: SetVariableParams) -> str:
        return f"set {params.name}"

    def run(self, params: SetVariableParams, ctx: StepContext) -> Json:
        ctx.set_variable(params.name, params.value)
        return params.value
