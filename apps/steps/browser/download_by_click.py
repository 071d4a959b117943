"""Step type `download_by_click`: click, and keep the file that this downloads."""

from datetime import timedelta

from pydantic import Field

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.click import ClickParams, click_once
from apps.steps.browser.downloads import Download, keep_download
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, path_field
from apps.steps.registry import register

_CLICK = timedelta(seconds=10)


class DownloadByClickParams(Params):
    """What to click, and where to keep the file."""

    target: TargetParam = target_field()
    path: FilePath = path_field()
    timeout: Duration = Field(
        default=timedelta(minutes=2),
        description="From the click until the whole file is there.",
    )


@register("download_by_click")
class DownloadByClick(StepType[DownloadByClickParams]):
    """Click an element and keep the file that the page downloads then.

    Gives `{path, bytes, sha256, name, url}`; `name` is what the page calls the file.

    Example:
        - type: download_by_click
          params: {target: "text=Export", path: in/orders.csv}
    """

    params_class = DownloadByClickParams
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: DownloadByClickParams) -> str:
        """Names the element and the file."""
        return f"click {params.target} and keep the file as {params.path}"

    def run(self, params: DownloadByClickParams, ctx: StepContext) -> Json:
        """Click, wait for the file, and move it to the workspace."""
        with on_page(ctx) as browser:
            browser.loan.files.require_downloads()
            # What came before this click is not what is meant.
            while browser.downloads.take(0):
                pass
            click_once(browser, ClickParams(target=params.target, timeout=_CLICK))
            file = _wait(browser, params)
            return keep_download(ctx, browser, file, params.path)


def _wait(browser: BrowserSession, params: DownloadByClickParams) -> Download:
    seconds = browser.within_step(params.timeout.total_seconds())
    file = browser.downloads.take(seconds)
    if file is None and browser.downloads.is_under_way:
        message = f"The file was not there whole within {seconds:.1f} s."
        raise TemporaryFailure(message, code="download_timed_out")
    if file is None:
        message = f"`{params.target}` was clicked, but no download began."
        raise PermanentFailure(message, code="no_download")
    return file
