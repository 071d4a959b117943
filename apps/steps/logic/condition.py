"""Step type `condition`: run one of two bodies."""

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import BlockType, Body, Condition, Flow, Steps
from apps.steps.registry import register


class ConditionBody(Body):
    """What chooses, and the two bodies."""

    if_: Condition = Field(alias="if", description="What chooses the branch.")
    then: Steps = Field(description="Steps to run when it holds.")
    else_: Steps = Field(
        default_factory=lambda: Steps([]),
        alias="else",
        description="Steps to run when it does not hold.",
    )


@register("condition")
class ConditionBlock(BlockType[ConditionBody]):
    """Run the steps of `then` when the condition holds, those of `else` when not.

    The output is that of the last step that ran.

    Example:
        - type: condition
          if: "{{ steps.page.output.status == 200 }}"
          then:
            - {type: set_variable, params: {name: found, value: true}}
          else:
            - {type: stop, params: {status: failed, message: "No such page"}}
    """

    body_class = ConditionBody

    def run(self, body: ConditionBody, flow: Flow) -> Json:
        return flow.run(body.then if flow.test(body.if_) else body.else_)
