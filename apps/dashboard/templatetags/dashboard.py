"""How values look on pages."""

import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.types import Json
from apps.dashboard import wording
from apps.dashboard.selectors.executions import Filter
from apps.executions.labels import text_of
from apps.executions.models import Execution, StepRecord

register = template.Library()
LONGEST_JSON = 50_000
LABELS_SHOWN = 4
_JUST_NOW = timedelta(seconds=5)


@register.simple_tag
def chip(row: Execution | StepRecord) -> SafeString:
    """The state of an execution or step: its word and its color."""
    return state_chip(wording.state_of(row.status, row.error))


@register.simple_tag
def state_chip(state: str) -> SafeString:
    """A state by its word."""
    return format_html('<span class="chip {}">{}</span>', state, state)


@register.filter
def state(row: Execution | StepRecord) -> str:
    """The state's word."""
    return wording.state_of(row.status, row.error)


@register.filter
def why(execution: Execution) -> str:
    """Why an execution waits or failed."""
    return wording.why(execution)


@register.filter
def message(row: StepRecord) -> str:
    """What went wrong in a step."""
    return wording.message_of(row.error)


@register.filter
def evidence(kind: str) -> str:
    """What a file of evidence shows."""
    return wording.EVIDENCE.get(kind, kind)


@register.filter
def trigger(execution: Execution) -> str:
    """What started it."""
    return wording.TRIGGERS.get(execution.trigger, execution.trigger)


@register.inclusion_tag("dashboard/parts/labels.html")
def labels(
    execution: Execution, shown: Filter | str = "", limit: int = LABELS_SHOWN
) -> dict[str, object]:
    """Its labels; each leads to the executions that have it too.

    Args:
        shown: the filter of the list it stands in, if any, which is kept.
        limit: how many are shown; of more, their number.
    """
    found = [text_of(one) for one in sorted(execution.labels.items())]
    mine, query = ((), "") if isinstance(shown, str) else (shown.labels, shown.query)
    links = []
    for text in found[:limit]:
        is_on = text in mine
        more = "" if is_on else urlencode({"label": text})
        links.append((text, "&".join(filter(None, (query, more))), is_on))
    return {"links": links, "execution": execution, "hidden": found[limit:]}


@register.filter
def duration(time: timedelta | float | None) -> str:
    """A duration in words; a number is in milliseconds."""
    return wording.duration(time)


@register.filter
def took(execution: Execution) -> str:
    """How long an execution took, or has been going on."""
    if execution.started_at is None:
        return wording.NOTHING
    end = execution.finished_at or timezone.now()
    return wording.duration(end - execution.started_at)


@register.filter
def moment(time: datetime | None) -> SafeString | str:
    """A time, in UTC."""
    if time is None:
        return wording.NOTHING
    return format_html(
        '<time datetime="{}">{}</time>', time.isoformat(), wording.clock(time)
    )


@register.filter
def to_the_ms(time: datetime) -> str:
    """A time of day as logs have it."""
    return f"{time:%H:%M:%S}.{time.microsecond // 1000:03}"


@register.filter
def ago(time: datetime | None) -> SafeString | str:
    """How long ago a time was; the time itself is shown on hover."""
    if time is None:
        return wording.NOTHING
    passed = timezone.now() - time
    words = "just now"
    if passed > _JUST_NOW:
        words = f"{_rough(passed)} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        time.isoformat(),
        wording.clock(time),
        words,
    )


def _rough(passed: timedelta) -> str:
    seconds = int(passed.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@register.filter
def percent(value: float | None) -> str:
    """A share in percent."""
    return wording.NOTHING if value is None else f"{value:.1f} %"


@register.filter
def points(value: float) -> str:
    """A difference of two shares, with its sign."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


@register.filter(name="json")
def json_text(value: Json) -> str:
    """A JSON value for a script; it is escaped where it stands, as all text is."""
    return json.dumps(value, separators=(",", ":"))


@register.filter
def pretty(value: Json) -> str:
    """A JSON value to read; the end of a very long one is left out."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) <= LONGEST_JSON:
        return text
    left_out = len(text) - LONGEST_JSON
    return f"{text[:LONGEST_JSON]}\n… {left_out:,} more characters: ask the API"


@register.filter
def size(count: int) -> str:
    """A number of bytes in words."""
    if count < 1_000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1_000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"
