"""Step type `upload_file`: give files of the workspace to a file field."""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath
from apps.steps.registry import register

_REFUSALS = {
    "not a file field": ("not_a_file_field", "is no file field"),
    "one file": ("too_many_files", "takes one file only"),
}


class UploadFileParams(Params):
    """Which files for which field.

    Attributes:
        path: a file in the workspace.
        paths: several of them, for a field that takes several.
    """

    target: TargetParam = target_field()
    path: FilePath | None = None
    paths: Annotated[tuple[FilePath, ...], Field(max_length=50)] = ()
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.path is None) == (not self.paths):
            raise ValueError("give one of path and paths")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """All paths."""
        return self.paths if self.path is None else (self.path,)


@register("upload_file")
class UploadFile(StepType[UploadFileParams]):
    """Choose files of the workspace in a file field, hidden ones too.

    The target is the field or its label. Gives `{files}`, their names.

    Example:
        - type: upload_file
          params: {target: "label=Invoice", path: out/invoice.pdf}
    """

    params_class = UploadFileParams
    # Many pages send a file as soon as it is chosen.
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: UploadFileParams) -> str:
        """Names the files."""
        return f"upload {', '.join(params.files)} to {params.target}"[:300]

    def run(self, params: UploadFileParams, ctx: StepContext) -> Json:
        """Wait for the field, and hand over copies of the files."""
        with on_page(ctx) as browser:
            timeout = params.timeout.total_seconds()
            count = len(params.files)
            found = browser.wait_for(params.target, timeout, "filling.fileField", count)
            if refusal := _REFUSALS.get(found["mode"]):
                code, why = refusal
                raise PermanentFailure(f"`{params.target}` {why}.", code=code)
            copies = [_copy(browser, ctx, path) for path in params.files]
            with browser.commanding():
                names = map(browser.loan.files.hand_over, copies)
                found["element"].send_keys("\n".join(names))
        return {"files": [copy.name for copy in copies]}


def _copy(browser: BrowserSession, ctx: StepContext, path: str) -> Path:
    """A copy that stays until the browser's context ends: pages read it when sending.

    Each has a folder of its own, for files of the same name.
    """
    downloads = browser.loan.context.downloads
    folder = Path(tempfile.mkdtemp(prefix=".upload-", dir=downloads))
    copy = folder / path.rsplit("/", 1)[-1]
    with copy.open("xb") as target:
        target.writelines(ctx.files.read_pieces(path))
    return copy
