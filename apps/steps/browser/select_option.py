"""Step type `select_option`: choose an option of a select field."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import note_fallback, on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

Text = Annotated[str, Field(max_length=1_000)]


class SelectOptionParams(Params):
    """Which option of which field.

    Attributes:
        value: the option's value, as it is sent.
        label: the text that people see.
        index: its place, from 0.
    """

    target: TargetParam = target_field()
    value: Text | None = None
    label: Text | None = None
    index: Annotated[int, Field(ge=0, le=100_000)] | None = None
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = (self.value, self.label, self.index)
        if sum(choice is not None for choice in given) != 1:
            raise ValueError("give one of value, label and index")
        return self

    @property
    def choice(self) -> tuple[str, str | int]:
        """By what to choose, and which."""
        if self.index is not None:
            return "index", self.index
        return (
            ("label", self.label)
            if self.label is not None
            else ("value", self.value or "")
        )


@register("select_option")
class SelectOption(StepType[SelectOptionParams]):
    """Choose an option of a select field, waiting for it to appear.

    Gives `{value, label}` of the option.
    """

    params_class = SelectOptionParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: SelectOptionParams) -> str:
        """Names the field and the choice."""
        by, wanted = params.choice
        return f"choose {by} {wanted} in {params.target}"

    def run(self, params: SelectOptionParams, ctx: StepContext) -> Json:
        """Wait for the option and choose it, as a person would."""
        with on_page(ctx) as browser:
            found = _choose(browser, params)
        note_fallback(ctx, params.target, found)
        return {"value": found["value"], "label": found["label"]}


def _choose(browser: BrowserSession, params: SelectOptionParams) -> JsonObject:
    seconds = browser.within_step(params.timeout.total_seconds())
    last: JsonObject = {}

    def attempt() -> JsonObject | None:
        nonlocal last
        last = browser.wait_for(params.target, seconds, "acting.choose", *params.choice)
        # Options are often filled in later: wait for the one that is wanted.
        return last if last["mode"] in ("done", "not a select") else None

    found = browser.poll(attempt, seconds)
    if found is None:
        raise _no_option(params, last)
    if found["mode"] == "not a select":
        message = f"`{params.target}` is no select field; click its parts instead."
        raise PermanentFailure(message, code="not_a_select")
    return found


def _no_option(params: SelectOptionParams, last: JsonObject) -> PermanentFailure:
    by, wanted = params.choice
    if last.get("mode") == "option disabled":
        why = "is disabled"
    else:
        labels = ", ".join(f"`{label}`" for label in last.get("labels", ())[:10])
        why = f"does not exist. There are {last.get('count', 0)} options: {labels}"
    message = f"The option with {by} `{wanted}` of `{params.target}` {why}."
    return PermanentFailure(message, code="option_not_found")
