"""Step type `unzip`: the files in a zip archive."""

import tempfile

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.core.workspace import checked_path
from apps.steps import archives
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, Folder, keep, path_field
from apps.steps.registry import register

_SECONDS = 120.0


class UnzipParams(Params):
    """Which archive goes where."""

    path: FilePath = path_field()
    folder: Folder = Field(
        default="",
        max_length=1024,
        description="Where the files go; empty: to the workspace itself.",
    )
    members: list[FilePath] | None = Field(
        default=None,
        min_length=1,
        max_length=archives.MAX_MEMBERS,
        description="Names of the members to take; without it all.",
    )
    overwrite: bool = Field(
        default=True, description="If not, a file that exists fails the step."
    )


@register("unzip")
class Unzip(StepType[UnzipParams]):
    """Unpack a zip archive into a folder of the workspace.

    Up to 1,000 members and 200 MiB. An archive with links, with names that lead out
    of the folder, with two members of one name, or packed more than 100:1 is refused
    as a whole: nothing is written before all of it was checked. The output is
    `{folder, files, bytes}`; each of `files` is `{path, bytes, sha256}`.

    Example:
        - id: orders
          type: unzip
          params: {path: in/orders.zip, folder: in/orders}
    """

    params_class = UnzipParams
    effect = Effect.WRITE

    def is_keyed(self, params: UnzipParams) -> bool:
        # A repeat would find the files that it wrote itself.
        return params.overwrite

    def summary(self, params: UnzipParams) -> str:
        return f"unpack {params.path} to {params.folder or 'the workspace'}"

    def run(self, params: UnzipParams, ctx: StepContext) -> Json:
        with (
            ctx.files.local_copy(params.path) as copy,
            tempfile.TemporaryDirectory(prefix="rpa-unzip-") as folder,
        ):
            found: list[JsonObject] = ctx.bounded(
                archives.unpack,
                str(copy),
                folder,
                params.members,
                seconds=_SECONDS,
                answer_bytes=ctx.files.max_bytes,
            )
            places = _places(params, found)
            if not params.overwrite:
                _require_free(places, ctx)
            files = [_kept(ctx, path, file) for path, file in places.items()]
        total = sum(file["bytes"] for file in files)
        return {"folder": params.folder, "files": files, "bytes": total}


def _places(params: UnzipParams, found: list[JsonObject]) -> dict[str, str]:
    """Where each unpacked file goes; with the folder, names may be too long."""
    below = f"{params.folder}/" if params.folder else ""
    return {checked_path(f"{below}{one['name']}"): one["file"] for one in found}


def _require_free(places: dict[str, str], ctx: StepContext) -> None:
    for path in places:
        if ctx.files.exists(path):
            raise PermanentFailure(
                f"The file {path!r} exists already.", code="file_exists", path=path
            )


def _kept(ctx: StepContext, path: str, file: str) -> JsonObject:
    with open(file, "rb") as content:
        return keep(ctx, path, content)
