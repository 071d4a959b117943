"""Step type `delete_file`: remove a file."""

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, path_field
from apps.steps.registry import register


class DeleteFileParams(Params):
    """Which file."""

    path: FilePath = path_field()
    missing_ok: bool = Field(
        default=False, description="If not, a file that is not there fails the step."
    )


@register("delete_file")
class DeleteFile(StepType[DeleteFileParams]):
    """Remove a file from the workspace.

    The output is `{path, deleted}`; `deleted` is false when there was none.

    Example:
        - type: delete_file
          params: {path: in/orders.csv, missing_ok: true}
    """

    params_class = DeleteFileParams
    effect = Effect.WRITE

    def is_keyed(self, params: DeleteFileParams) -> bool:
        # A repeat would miss the file that it removed itself.
        return params.missing_ok

    def summary(self, params: DeleteFileParams) -> str:
        return f"delete {params.path}"

    def run(self, params: DeleteFileParams, ctx: StepContext) -> Json:
        deleted = ctx.files.delete(params.path, params.missing_ok)
        return {"path": params.path, "deleted": deleted}
