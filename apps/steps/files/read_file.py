"""Step type `read_file`: a file's content."""

import base64
from typing import Literal

from pydantic import Field

from apps.core.documents import load_json
from apps.core.errors import Invalid, PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Encoding, FilePath, path_field
from apps.steps.registry import register

# What a step may hand on as its output; base64 makes four bytes of three.
MAX_BYTES = 16 * 1024 * 1024
_MAX_BINARY = 11 * 1024 * 1024


class ReadFileParams(Params):
    """Which file, and what to make of it."""

    path: FilePath = path_field()
    encoding: Encoding = Field(default="utf-8", description="Of the text in it.")
    read_as: Literal["text", "base64", "json"] = Field(
        default="text", alias="as", description="What the output is."
    )


@register("read_file")
class ReadFile(StepType[ReadFileParams]):
    """Read a file of the workspace, up to 16 MiB.

    The output is the text itself, the bytes as base64 text, or the JSON value.

    Example:
        - id: config
          type: read_file
          params: {path: in/config.json, as: json}
    """

    params_class = ReadFileParams
    effect = Effect.READ

    def summary(self, params: ReadFileParams) -> str:
        return f"read {params.path}"

    def run(self, params: ReadFileParams, ctx: StepContext) -> Json:
        if params.read_as == "base64":
            content = ctx.files.read_bytes(params.path, _MAX_BINARY)
            return base64.b64encode(content).decode()
        text = _text(params, ctx)
        if params.read_as == "text":
            return text
        try:
            return load_json(text)[0]
        except Invalid as error:
            message = f"The file {params.path!r} holds no usable JSON: {error}"
            raise PermanentFailure(
                message, code="invalid_json", errors=error.errors
            ) from error


def _text(params: ReadFileParams, ctx: StepContext) -> str:
    text = ctx.files.read_text(params.path, params.encoding, MAX_BYTES)
    if "\0" in text:
        raise PermanentFailure(
            f"The file {params.path!r} is no {params.encoding} text: it has NUL "
            "characters. Name its encoding, or read it as base64.",
            code="bad_encoding",
        )
    return text.removeprefix("\ufeff")
