"""Step type `loop`: run a body again and again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import BlockType, Body, Condition, Flow, Steps, Value
from apps.steps.registry import register
from apps.steps.signals import BreakLoop, ContinueLoop

# What workflows call their own things; an item of that name would hide them.
_TAKEN = frozenset(
    {"inputs", "variables", "steps", "secrets", "execution", "workflow", "loop"}
)


class LoopBody(Body):
    """What to go through, under which name, doing what."""

    over: Value | None = Field(
        default=None, description="A list, or a mapping for its keys and values."
    )
    times: Value | None = Field(default=None, description="How often to run.")
    while_: Condition | None = Field(
        default=None, alias="while", description="Run as long as this holds."
    )
    as_: str = Field(
        default="item",
        alias="as",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="The name of the item (with `times`: its number, from 0).",
    )
    steps: Steps = Field(description="Steps to run each time.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.over, self.times, self.while_]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of `over`, `times` and `while`")
        if self.while_ is not None and "as_" in self.model_fields_set:
            raise ValueError("`as` goes with `over` and `times` only")
        if self.as_ in _TAKEN:
            raise ValueError(f"`as` cannot be {self.as_!r}, which names something else")
        return self


@register("loop")
class Loop(BlockType[LoopBody]):
    """Run steps for each item of a list, a number of times, or while something holds.

    Inside, `loop.index` counts from 0 and `loop.first` is true the first time; with
    `over` and `times` there are also `loop.last` and `loop.length`. A mapping is gone
    through as `{key, value}`. The output is the list of the last outputs of each
    time round; one that `continue` left early counts as null.

    Example:
        - id: mails
          type: loop
          over: "{{ steps.rows.output }}"
          as: row
          steps:
            - {type: send_email, params: {to: "{{ row.mail }}", subject: "Hello"}}
    """

    body_class = LoopBody
    is_loop = True

    def names(self, body: LoopBody) -> frozenset[str]:
        if body.while_ is not None:
            return frozenset({"loop"})
        return frozenset({"loop", body.as_})

    def run(self, body: LoopBody, flow: Flow) -> Json:
        outputs: list[Json] = []
        for index, names in enumerate(_rounds(body, flow)):
            try:
                outputs.append(flow.iterate(body.steps, index, names))
            except BreakLoop:
                break
            except ContinueLoop:
                outputs.append(None)
        return outputs


def _rounds(body: LoopBody, flow: Flow) -> Iterator[Mapping[str, Json]]:
    """The names for each time round; checks the limit before anything runs."""
    if body.over is not None:
        return _each(_items(flow.evaluate(body.over)), body.as_, flow)
    if body.times is not None:
        return _each(range(_count(flow.evaluate(body.times))), body.as_, flow)
    return _while(body.while_ or Condition("false"), flow)


def _each(items: Sequence[Json], name: str, flow: Flow) -> Iterator[Mapping[str, Json]]:
    length = len(items)
    if length > flow.max_iterations:
        raise _over_limit(f"{length} items", flow.max_iterations)
    for index, item in enumerate(items):
        last = index == length - 1
        loop = {"index": index, "first": index == 0, "last": last, "length": length}
        yield {"loop": loop, name: item}


def _while(condition: Condition, flow: Flow) -> Iterator[Mapping[str, Json]]:
    index = 0
    while flow.test(condition):
        if index >= flow.max_iterations:
            raise _over_limit("a condition that still holds", flow.max_iterations)
        yield {"loop": {"index": index, "first": index == 0}}
        index += 1


def _items(value: Json) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    raise PermanentFailure(
        f"`over` must be a list or a mapping, this is {_kind(value)}.",
        code="not_a_list",
    )


def _count(value: Json) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise PermanentFailure(
        "`times` must be a whole number from 0 up.", code="not_a_count"
    )


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    return "a text" if isinstance(value, str) else "a number"


def _over_limit(what: str, limit: int) -> PermanentFailure:
    return PermanentFailure(
        f"A loop may run {limit} times; this one has {what}.",
        code="loop_limit",
        limit=limit,
    )
