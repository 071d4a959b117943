"""Step type `wait_for_webhook`: go on when another system calls."""

from typing import Literal

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext, Waiting
from apps.steps.logic.approval import WaitingTime
from apps.steps.messaging.composing import clean_subject
from apps.steps.registry import register
from apps.steps.signals import Park


class WaitForWebhookParams(Params):
    """For how long, and what for."""

    message: str = Field(
        default="", max_length=1_000, description="What it waits for, for people."
    )
    timeout: WaitingTime | None = Field(
        default=None, description="How long to wait; for ever unless given."
    )
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail", description="`continue`: `received_at` is null in the output."
    )


@register("wait_for_webhook")
class WaitForWebhook(StepType[WaitForWebhookParams]):
    """Wait until another system posts to the execution's resume URL.

    Steps before this one hand the URL out, such as an `http_request` with
    `json: {callback: "{{ execution.resume_url }}"}`. It works once, for the step that
    waits or is the next to. Where several steps wait, add the step's path:
    `{{ execution.resume_url }}/paid`, in a loop `…/rows[3].paid`; each works once.
    A call that comes before the step waits is kept for it. Waiting holds no worker.

    The output is `{body, headers, query, received_at}`; the body is the value of a JSON
    body, the fields of a form, otherwise text. The step fails with the code
    `webhook_timeout` when nothing came in time, unless it is told to continue.

    Example:
        - id: paid
          type: wait_for_webhook
          params: {message: the payment, timeout: 1d}
    """

    params_class = WaitForWebhookParams
    # From here on another system can act on it. A repeat finds what was opened.
    effect = Effect.WRITE
    keyed = True
    on_crash = OnCrash.RETRY

    def summary(self, params: WaitForWebhookParams) -> str:
        about = clean_subject(params.message)
        return f"wait for a call of the resume URL{': ' if about else ''}{about}"

    def run(self, params: WaitForWebhookParams, ctx: StepContext) -> Json:
        waiting = ctx.waits.call(
            {"message": params.message},
            path=ctx.path,
            attempt=ctx.attempt,
            timeout=params.timeout,
        )
        if waiting.answer is not None:
            return _received(waiting)
        if waiting.is_over:
            return _timed_out(params)
        about = clean_subject(params.message)
        raise Park(
            reason=f"webhook: {about}" if about else "webhook",
            due_at=waiting.expires_at,
            may_wake=True,
        )


def _received(waiting: Waiting) -> Json:
    answer, at = waiting.answer or {}, waiting.answered_at
    return {**answer, "received_at": at.isoformat() if at else None}


def _timed_out(params: WaitForWebhookParams) -> Json:
    if params.on_timeout == "fail":
        message = "Nobody called the resume URL in time."
        raise PermanentFailure(message, code="webhook_timeout")
    return {"body": None, "headers": {}, "query": {}, "received_at": None}
