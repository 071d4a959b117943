"""Step type `list_files`: which files there are."""

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Folder
from apps.steps.registry import register


class ListFilesParams(Params):
    """Where to look and what for."""

    path: Folder = Field(
        default="", max_length=1024, description="Folder; empty: the whole workspace."
    )
    pattern: str = Field(
        default="*",
        min_length=1,
        max_length=200,
        description="Names with `*`, `?` and `[…]`, such as `*.csv`.",
    )
    recursive: bool = Field(default=False, description="Look into folders too.")


@register("list_files")
class ListFiles(StepType[ListFilesParams]):
    """List files of the workspace by their path.

    The output is a list of `{path, bytes, modified_at}`; a folder that does not exist
    has no files. More than 10,000 fail the step.

    Example:
        - id: orders
          type: list_files
          params: {path: in, pattern: "*.csv"}
    """

    params_class = ListFilesParams
    effect = Effect.READ

    def summary(self, params: ListFilesParams) -> str:
        return f"list {params.pattern} in {params.path or 'the workspace'}"

    def run(self, params: ListFilesParams, ctx: StepContext) -> Json:
        return ctx.files.list(params.path, params.pattern, params.recursive)
