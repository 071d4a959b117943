"""Step type `download_file`: keep what a web server has."""

from datetime import timedelta

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Digest, FilePath, path_field
from apps.steps.http.outgoing import (
    Headers,
    Url,
    bounded_timeout,
    is_success,
    require,
    secret_headers,
    shown,
)
from apps.steps.registry import register

_TIMEOUT = timedelta(minutes=10)


class DownloadFileParams(Params):
    """From where to where."""

    url: Url = Field(description="Address, http or https.")
    path: FilePath = path_field()
    headers: Headers = Field(default_factory=dict, max_length=100)
    timeout: Duration = Field(
        default=_TIMEOUT, description="For the whole file, redirects included."
    )


@register("download_file")
class DownloadFile(StepType[DownloadFileParams]):
    """Get a file by HTTP and keep it in the workspace, whole or not at all.

    It is never held in memory as a whole. The output is
    `{path, bytes, content_type, sha256}`.

    Example:
        - id: orders
          type: download_file
          params: {url: "https://example.com/orders.xlsx", path: in/orders.xlsx}
    """

    params_class = DownloadFileParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: DownloadFileParams) -> str:
        return f"download {shown(params.url)} to {params.path}"

    def run(self, params: DownloadFileParams, ctx: StepContext) -> Json:
        digest = Digest()
        with ctx.http.stream(
            "GET",
            params.url,
            headers=params.headers,
            timeout=bounded_timeout(ctx, params.timeout),
            max_bytes=ctx.files.max_bytes,
            secret_headers=secret_headers(params.headers),
        ) as answer:
            require(answer, is_success)
            size = ctx.files.write_stream(params.path, digest.over(answer))
            kind = answer.headers.get("Content-Type", "")
        return {
            "path": params.path,
            "bytes": size,
            "content_type": kind.partition(";")[0].strip().lower()[:200] or None,
            "sha256": digest.sha256,
        }
