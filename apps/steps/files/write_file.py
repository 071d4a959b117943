"""Step type `write_file`: put text or JSON into a file."""

import hashlib
import json

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Encoding, FilePath, path_field
from apps.steps.registry import register


class WriteFileParams(Params):
    """Which file, and what goes into it."""

    path: FilePath = path_field()
    content: Json = Field(description="Text; any other value is written as JSON.")
    encoding: Encoding = Field(default="utf-8", description="Of the text.")
    overwrite: bool = Field(
        default=True, description="If not, a file that exists fails the step."
    )


@register("write_file")
class WriteFile(StepType[WriteFileParams]):
    """Write a file of the workspace, whole or not at all.

    The output is `{path, bytes, sha256}`.

    Example:
        - type: write_file
          params: {path: out/rows.json, content: "{{ steps.rows.output }}"}
    """

    params_class = WriteFileParams
    effect = Effect.WRITE

    def is_keyed(self, params: WriteFileParams) -> bool:
        # A repeat would find the file that it wrote itself.
        return params.overwrite

    def summary(self, params: WriteFileParams) -> str:
        return f"write {params.path}"

    def run(self, params: WriteFileParams, ctx: StepContext) -> Json:
        data = _encoded(params)
        size = ctx.files.write_bytes(params.path, data, params.overwrite)
        digest = hashlib.sha256(data).hexdigest()
        return {"path": params.path, "bytes": size, "sha256": digest}


def _encoded(params: WriteFileParams) -> bytes:
    text = params.content
    if not isinstance(text, str):
        text = json.dumps(text, ensure_ascii=False, indent=2) + "\n"
    try:
        return text.encode(params.encoding)
    except UnicodeEncodeError as error:
        character = text[error.start : error.start + 1]
        raise PermanentFailure(
            f"{params.encoding} has no {character!r}, which is in the content.",
            code="bad_encoding",
        ) from error
