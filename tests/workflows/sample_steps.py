"""Step types that exist only in tests, for what no single real one shows."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps import registry
from apps.steps.base import BlockType, Body, Flow, Params, Steps, StepType, Value
from apps.steps.context import StepContext


class Place(Params):
    primary: Annotated[str, Field(pattern="^[a-z]+$")]
    tries: int = 1


class Red(Params):
    color: Literal["red"]
    shade: int


class Blue(Params):
    color: Literal["blue"]
    depth: float


class SampleParams(Params):
    count: int = 0
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    place: Place | Annotated[str, Field(max_length=3)] = "a"
    paint: Annotated[Red | Blue, Field(discriminator="color")] | None = None
    many: list[int] = []

    @model_validator(mode="after")
    def _word_is_not_bad(self) -> "SampleParams":
        if self.word == "bad":
            raise ValueError("the word is bad")
        return self


class Sample(StepType[SampleParams]):
    """Does nothing."""

    params_class = SampleParams

    def run(self, params: SampleParams, ctx: StepContext) -> Json:
        return None


class SamplePage(Sample):
    """Would need the browser."""

    needs_browser = True


class GroupBody(Body):
    value: Value | None = None
    steps: Steps


class SampleGroup(BlockType[GroupBody]):
    """Runs its steps once."""

    body_class = GroupBody

    def run(self, body: GroupBody, flow: Flow) -> Json:
        return flow.run(body.steps)


for _name, _class in (
    ("sample_step", Sample),
    ("sample_page", SamplePage),
    ("sample_group", SampleGroup),
):
    if registry.find(_name) is None:
        registry.register(_name)(_class)
        _class.group = "logic"
