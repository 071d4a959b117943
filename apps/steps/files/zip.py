"""Step type `zip`: files as a zip archive."""

import tempfile
import zipfile
from typing import Annotated, BinaryIO, Self, cast

from pydantic import AfterValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.archives import MAX_MEMBERS, MAX_UNPACKED_BYTES
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, Folder, keep, path_field
from apps.steps.registry import register

_IN_MEMORY_BYTES = 4 * 1024 * 1024
_COMPRESSED = (".zip", ".gz", ".xlsx", ".docx", ".pptx", ".png", ".jpg", ".jpeg")


def _zip(path: str) -> str:
    if not path.lower().endswith(".zip"):
        raise ValueError("must end in .zip")
    return path


class ZipParams(Params):
    """Which files go into which archive."""

    path: Annotated[FilePath, AfterValidator(_zip)] = path_field()
    files: list[FilePath] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_MEMBERS,
        description="Files of the workspace; or give `folder`.",
    )
    folder: Folder | None = Field(
        default=None,
        max_length=1024,
        description="All files in this folder and those inside it; names in the "
        "archive begin below it.",
    )
    pattern: str = Field(
        default="*",
        min_length=1,
        max_length=200,
        description="Which files of the folder, with `*`, `?` and `[…]`.",
    )
    overwrite: bool = Field(
        default=True, description="If not, an archive that exists fails the step."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.files is None) == (self.folder is None):
            raise ValueError("give either `files` or `folder`")
        return self


@register("zip")
class Zip(StepType[ZipParams]):
    """Pack files of the workspace into a new zip archive.

    Up to 1,000 files and 200 MiB, what `unzip` takes. The same files give the same
    archive. The output is `{path, bytes, sha256, files}` with the number of files.

    Example:
        - type: zip
          params: {folder: out/report, path: out/report.zip}
    """

    params_class = ZipParams
    effect = Effect.WRITE

    def is_keyed(self, params: ZipParams) -> bool:
        # A repeat would find the archive that it wrote itself.
        return params.overwrite

    def summary(self, params: ZipParams) -> str:
        what = params.folder if params.files is None else f"{len(params.files)} files"
        return f"pack {what or 'the workspace'} into {params.path}"

    def run(self, params: ZipParams, ctx: StepContext) -> Json:
        names = _names(params, ctx)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            target = cast(BinaryIO, file)
            _pack(names, target, ctx)
            file.seek(0)
            kept = keep(ctx, params.path, target, overwrite=params.overwrite)
        return kept | {"files": len(names)}


def _names(params: ZipParams, ctx: StepContext) -> dict[str, str]:
    """The paths of the files by their name in the archive."""
    if params.files is not None:
        return {path: path for path in params.files}
    folder = params.folder or ""
    found = ctx.files.list(folder, params.pattern, recursive=True)
    # The archive may lie in the folder, from the last time.
    paths = [one["path"] for one in found if one["path"] != params.path]
    if not paths:
        raise PermanentFailure(
            f"There are no files in {folder or 'the workspace'!r}.",
            code="file_not_found",
        )
    if len(paths) > MAX_MEMBERS:
        raise _too_much(f"more than {MAX_MEMBERS} files")
    start = len(folder) + 1 if folder else 0
    return {path[start:]: path for path in paths}


def _pack(names: dict[str, str], target: BinaryIO, ctx: StepContext) -> None:
    left = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in names.items():
            member = zipfile.ZipInfo(name)  # with no time, so that a repeat is equal
            is_packed = name.lower().endswith(_COMPRESSED)
            method = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            member.compress_type = method
            member.external_attr = 0o640 << 16
            with archive.open(member, "w") as out:
                for piece in ctx.files.read_pieces(path):
                    left -= len(piece)
                    if left < 0:
                        limit = MAX_UNPACKED_BYTES // 1024**2
                        raise _too_much(f"more than {limit} MiB")
                    out.write(piece)


def _too_much(what: str) -> PermanentFailure:
    return PermanentFailure(f"An archive takes no {what}.", code="archive_too_large")
