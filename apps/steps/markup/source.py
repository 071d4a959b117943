"""The param `source` of steps that read HTML and XML, and reading it in bounds."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.browser.target import Target
from apps.steps.context import StepContext
from apps.steps.markup.parsing import kind_of
from apps.steps.markup.reading import Selector, Wanted, read

# Up to here, CSS is answered faster than a process starts.
_IN_PROCESS = 256 * 1024
_SIMPLE_CSS = 200


class SourceParams(Params):
    """Where to read."""

    source: str | None = Field(
        default=None,
        description="HTML or XML text to read; without it, the open page is read.",
    )
    format: Literal["auto", "html", "xml", "text"] = Field(
        default="auto", description="What the source is."
    )
    namespaces: dict[str, str] = Field(
        default_factory=dict,
        max_length=50,
        description="Prefixes for XML names; without them namespaces are ignored.",
    )

    @property
    def kind(self) -> str:
        """`html`, `xml` or `text`."""
        return kind_of(self.source or "") if self.format == "auto" else self.format


def selectors_of(target: Target | None) -> tuple[Selector, ...]:
    """The target's selectors for a text.

    Raises:
        PermanentFailure: one of them only makes sense in an open page.
    """
    if target is None:
        return ()
    if target.frame:
        raise PermanentFailure(
            "`frame` is for open pages, not for a source.", code="invalid_selector"
        )
    return tuple(_selector(one.kind, one.value) for one in target.selectors)


def _selector(kind: str, value: str) -> Selector:
    if kind == "testid":
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return "css", f'[data-testid="{quoted}"]'
    if kind not in ("css", "xpath"):
        raise PermanentFailure(
            f"`{kind}=` finds elements of an open page; in a source use CSS or XPath.",
            code="invalid_selector",
        )
    return kind, value


def read_source(
    params: SourceParams,
    ctx: StepContext,
    place: tuple[Selector, ...],
    wanted: tuple[Wanted, ...],
    many: bool,
) -> list[list[Json]]:
    """The rows found in the source, see `markup.reading.read`."""
    source = params.source or ""
    kind = "html" if params.kind == "text" else params.kind
    fields = tuple(map(tuple, wanted))
    arguments = (source, kind, params.namespaces, place, fields, many)
    selectors = [*place, *_all_selectors(wanted)]
    if len(source) <= _IN_PROCESS and all(map(_is_simple, selectors)):
        return read(*arguments)
    rows: list[list[Json]] = ctx.bounded(read, *arguments)
    return rows


def _all_selectors(wanted: tuple[Wanted, ...]) -> Iterator[Selector]:
    for field in wanted:
        yield from field.selectors
        yield from _all_selectors(field.fields or ())


def _is_simple(selector: Selector) -> bool:
    kind, text = selector
    return kind == "css" and len(text) <= _SIMPLE_CSS and ":" not in text
