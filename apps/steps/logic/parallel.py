"""Step type `parallel`: run bodies side by side."""

from typing import Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import BlockType, Body, Flow, Steps
from apps.steps.registry import register


class Branch(Body):
    """One of the bodies."""

    name: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="Its name in the output; letters, digits and `_`.",
    )
    steps: Steps = Field(description="Steps to run, one after another.")


class ParallelBody(Body):
    """The bodies."""

    branches: list[Branch] = Field(
        min_length=1, max_length=20, description="What runs side by side."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [branch.name for branch in self.branches]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two branches are named {name!r}")
        return self


@register("parallel")
class Parallel(BlockType[ParallelBody]):
    """Run several lists of steps at the same time and wait for all of them.

    The output has each branch's last output by the branch's name. Variables that
    they set are merged in the order of the branches. Browser steps cannot run here.

    Example:
        - id: both
          type: parallel
          branches:
            - name: orders
              steps: [{type: http_request, params: {url: "https://example.com/o"}}]
            - name: prices
              steps: [{type: http_request, params: {url: "https://example.com/p"}}]
    """

    body_class = ParallelBody
    is_parallel = True

    def run(self, body: ParallelBody, flow: Flow) -> Json:
        return flow.parallel([(branch.name, branch.steps) for branch in body.branches])
