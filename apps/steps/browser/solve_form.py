"""Step type `solve_form`: fill in many fields of a form at once."""

from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.click import ClickParams, click_once
from apps.steps.browser.missing import near_candidates
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Selector, TargetParam
from apps.steps.context import StepContext
from apps.steps.registry import register

MAX_FIELDS = 500
_CANDIDATES = 400
Label = Annotated[str, Field(min_length=1, max_length=1_000)]
Text = Annotated[str, Field(max_length=100_000)]


class SolveFormParams(Params):
    """What goes into which field.

    Attributes:
        fields: by label (or placeholder, or name) what the field gets; text, a
            number, an option's label, or true and false for a box.
        submit: the element to click afterwards.
        force: fill in and click also what is moving or covered.
        timeout: how long to wait until all fields are there.
    """

    # An error must not show the values, which may be secrets.
    model_config = ConfigDict(hide_input_in_errors=True)

    fields: Annotated[
        dict[Label, bool | int | float | Text],
        Field(min_length=1, max_length=MAX_FIELDS, repr=False),
    ]
    submit: TargetParam | None = None
    force: bool = False
    timeout: Duration = timedelta(seconds=10)


@register("solve_form")
class SolveForm(StepType[SolveFormParams]):
    """Fill in the fields of a form, all at once and each found by its label.

    Knows text fields, selects, checkboxes, radio buttons, dates (`2030-12-31`) and
    numbers. Gives `{filled}`, the number of fields.

    Example:
        - type: solve_form
          params:
            fields: {Name: Ada, Country: Norway, "I agree": true}
            submit: "text=Send"
    """

    params_class = SolveFormParams
    effect = Effect.WRITE
    needs_browser = True

    def effect_of(self, params: SolveFormParams) -> Effect:
        """Only a click sends the form."""
        return Effect.PAGE if params.submit is None else Effect.WRITE

    def summary(self, params: SolveFormParams) -> str:
        """Names the button and the number of fields, never the values."""
        click = "" if params.submit is None else f" and click {params.submit}"
        return f"fill in {len(params.fields)} fields{click}"

    def run(self, params: SolveFormParams, ctx: StepContext) -> Json:
        """Wait until all fields are there, fill them in, and send."""
        with on_page(ctx) as browser:
            button = _fill(browser, params)
            if params.submit is not None:
                click = ClickParams(
                    target=params.submit, timeout=params.timeout, force=params.force
                )
                click_once(browser, click, found=button)
        return {"filled": len(params.fields)}


def _fill(browser: BrowserSession, params: SolveFormParams) -> JsonObject | None:
    """Fill the fields in; gives what is to be clicked, where it could be found."""
    seconds = browser.within_step(params.timeout.total_seconds())
    pairs = [list(pair) for pair in params.fields.items()]
    last: JsonObject = {}
    ask: tuple[str, Json, Json] = ("filling.fill", pairs, params.force)
    submit = None if params.force else params.submit
    if submit is not None and not submit.frame:
        ask = ("filling.fillAndReach", pairs, submit.for_page())

    def look() -> bool | None:
        last.update(browser.run_here(*ask))
        return None if last["missing"] else True

    # Nothing is filled in before all fields are there.
    if browser.poll(look, seconds) is None:
        if hindered := last.get("hindered"):
            raise _hindered(*hindered)
        raise _missing(browser, last.get("missing") or [])
    if last["refused"]:
        facts = "; ".join(f"`{label}` {why}" for label, why in last["refused"])
        raise PermanentFailure(f"Not all fields took it: {facts}.", code="bad_value")
    button: JsonObject | None = last.get("next")
    return button if button is not None and button["element"] is not None else None


def _hindered(label: str, why: str) -> PermanentFailure:
    message = f"The field `{label}` could not be filled in: it is {why}."
    return PermanentFailure(message, code="element_not_ready")


def _missing(browser: BrowserSession, labels: list[str]) -> PermanentFailure:
    found = browser.steadily(
        lambda: browser.run_here("reading.candidates", _CANDIDATES)
    )
    facts, near = [], {}
    for label in labels[:10]:
        near[label] = near_candidates([Selector("label", label)], found)
        hint = f" (near it: {', '.join(near[label])})" if near[label] else ""
        facts.append(f"`{label}`{hint}")
    message = f"No field was found for {', '.join(facts)}."
    return PermanentFailure(message, code="field_not_found", missing=labels, near=near)
