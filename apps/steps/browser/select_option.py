"""Step type `select_option`: choose an option of a select field."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

Text = Annotated[str, Field(max_length=1_000)]
Index = Annotated[int, Field(ge=0, le=100_000)]
# A list may be empty: then none is chosen.
Texts = Annotated[tuple[Text, ...], Field(max_length=1_000)]
Indexes = Annotated[tuple[Index, ...], Field(max_length=1_000)]


class SelectOptionParams(Params):
    """Which option of which field; a list for a field that takes several.

    Attributes:
        value: the option's value, as it is sent.
        label: the text that people see.
        index: its place, from 0.
        force: also in a field that is moving or covered.
    """

    target: TargetParam = target_field()
    value: Text | Texts | None = None
    label: Text | Texts | None = None
    index: Index | Indexes | None = None
    force: bool = False
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = (self.value, self.label, self.index)
        if sum(choice is not None for choice in given) != 1:
            raise ValueError("give one of value, label and index")
        return self

    @property
    def choice(self) -> tuple[str, Sequence[str | int], bool]:
        """By what to choose, which ones, and whether it is a list."""
        for by in ("value", "label", "index"):
            wanted = getattr(self, by)
            if wanted is not None:
                is_list = isinstance(wanted, tuple)
                return by, wanted if is_list else (wanted,), is_list
        raise AssertionError("one of them is given")


@register("select_option")
class SelectOption(StepType[SelectOptionParams]):
    """Choose an option of a select field, waiting for it to appear.

    Gives `{value, label}` of the option. A list, of values, labels or places, is for
    fields that take several: just these are chosen then, and a list of `{value,
    label}` is given.

    Example:
        - type: select_option
          params: {target: "label=Country", label: Norway}
    """

    params_class = SelectOptionParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: SelectOptionParams) -> str:
        """Names the field and the choice."""
        by, wanted, _ = params.choice
        names = ", ".join(map(str, wanted)) or "none"
        return f"choose {by} {names} in {params.target}"[:300]

    def run(self, params: SelectOptionParams, ctx: StepContext) -> Json:
        """Wait for the options and choose them, as a person would."""
        with on_page(ctx) as browser:
            found = _choose(browser, params)
        options: list[Json] = found["options"]
        return options if params.choice[2] else options[0]


_REFUSALS = {
    "not a select": ("not_a_select", "is no select field; click its parts instead"),
    "one option": ("not_multiple", "takes one option, not a list"),
}


def _choose(browser: BrowserSession, params: SelectOptionParams) -> JsonObject:
    seconds = browser.within_step(params.timeout.total_seconds())
    last: JsonObject = {}

    def attempt() -> JsonObject | None:
        nonlocal last
        wish = (*params.choice, params.force)
        last = browser.wait_for(params.target, seconds, "filling.choose", *wish)
        # Options are often filled in later: wait for the one that is wanted.
        return last if last["mode"] in ("done", *_REFUSALS) else None

    found = browser.poll(attempt, seconds)
    if found is None:
        raise _no_option(params, last)
    if refusal := _REFUSALS.get(found["mode"]):
        code, why = refusal
        raise PermanentFailure(f"`{params.target}` {why}.", code=code)
    return found


def _no_option(params: SelectOptionParams, last: JsonObject) -> PermanentFailure:
    if last.get("mode") == "option disabled":
        why = "is disabled"
    else:
        labels = ", ".join(f"`{label}`" for label in last.get("labels", ())[:10])
        why = f"does not exist. There are {last.get('count', 0)} options: {labels}"
    by, wanted, _ = params.choice
    missing = last.get("missing", wanted[0] if wanted else "")
    message = f"The option with {by} `{missing}` of `{params.target}` {why}."
    return PermanentFailure(message, code="option_not_found")
