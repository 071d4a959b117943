"""Step type `handle_dialog`: say how the dialogs that pages open are answered."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.browser.dialogs import Answer
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register


class HandleDialogParams(Params):
    """The answer, and which dialogs it is for.

    Attributes:
        action: what a person would press, OK or Cancel.
        text: to write into a prompt before it is accepted.
        times: how many of the next dialogs; without it all from now on.
    """

    action: Literal["accept", "dismiss"] = "accept"
    text: Annotated[str, Field(max_length=10_000)] | None = None
    times: Annotated[int, Field(ge=1, le=1_000)] | None = None

    @model_validator(mode="after")
    def _text_is_accepted(self) -> Self:
        if self.text is not None and self.action == "dismiss":
            raise ValueError("a text goes with `accept` only")
        return self


@register("handle_dialog")
class HandleDialog(StepType[HandleDialogParams]):
    """Say how alerts, confirmations and prompts are answered from now on.

    It stands before the step that opens the dialog. Until a workflow says otherwise
    pages are answered as by a person who cancels. Gives `{seen}`: of each dialog so
    far, the last 50 at most, its `{type, message, action}`.

    Example:
        - type: handle_dialog
          params: {action: accept, text: Ada, times: 1}
    """

    params_class = HandleDialogParams
    # What it did is in the browser's checkpoint: it is not done again.
    effect = Effect.READ
    needs_browser = True

    def summary(self, params: HandleDialogParams) -> str:
        """Names the answer."""
        which = "all dialogs" if params.times is None else f"{params.times} dialogs"
        return f"{params.action} {which}"

    def run(self, params: HandleDialogParams, ctx: StepContext) -> Json:
        """Let pages open dialogs, and remember the answer."""
        with on_page(ctx) as browser:
            browser.open_dialogs()
            answer = Answer(params.action, params.text)
            browser.dialogs.expect(answer, params.times)
            browser.news.note()
            return {"seen": list(browser.dialogs.seen)}
