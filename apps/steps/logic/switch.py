"""Step type `switch`: run the body whose value matches."""

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import BlockType, Body, Flow, Steps, Value
from apps.steps.registry import register


class Case(Body):
    """One possible value and what to do then."""

    when: Value = Field(description="The value, or a list of values, that it is for.")
    steps: Steps = Field(description="Steps to run when it matches.")


class SwitchBody(Body):
    """The value, its cases and the rest."""

    value: Value = Field(description="The value that chooses.")
    cases: list[Case] = Field(
        min_length=1, description="Looked at in order; the first that matches runs."
    )
    default: Steps = Field(
        default_factory=lambda: Steps([]),
        description="Steps to run when no case matches.",
    )


@register("switch")
class Switch(BlockType[SwitchBody]):
    """Run the steps of the first case that matches a value.

    The output is that of the last step that ran. A text never equals a number, and
    `true` is not 1.

    Example:
        - type: switch
          value: "{{ inputs.country }}"
          cases:
            - when: [DE, AT]
              steps: [{type: set_variable, params: {name: language, value: German}}]
            - when: FR
              steps: [{type: set_variable, params: {name: language, value: French}}]
          default: [{type: set_variable, params: {name: language, value: English}}]
    """

    body_class = SwitchBody

    def run(self, body: SwitchBody, flow: Flow) -> Json:
        value = flow.evaluate(body.value)
        for case in body.cases:
            if _matches(value, flow.evaluate(case.when)):
                return flow.run(case.steps)
        return flow.run(body.default)


def _matches(value: Json, when: Json) -> bool:
    if _equal(value, when):
        return True
    return isinstance(when, list) and any(_equal(value, one) for one in when)


def _equal(left: Json, right: Json) -> bool:
    # Python says True == 1; JSON does not.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)
