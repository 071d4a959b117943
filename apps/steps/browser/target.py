"""Targets: how a step says which element of the page it means."""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from apps.core.types import Json, JsonObject

Kind = Literal["css", "xpath", "text", "label", "role", "placeholder", "testid"]

MAX_SELECTOR = 2_000
_PREFIX = re.compile(r"(css|xpath|text|label|role|placeholder|testid)=", re.ASCII)
_ROLE = re.compile(
    r"""(?P<role>[a-z]+)\s*
    (?:\[\s*name\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^"'\]]*?))\s*\])?
    """,
    re.VERBOSE | re.ASCII,
)


class Selector(NamedTuple):
    """One way to find an element.

    Attributes:
        value: what stands after the kind; of `role` the role alone.
        name: the accessible name that goes with a role.
    """

    kind: Kind
    value: str
    name: str | None = None

    def __str__(self) -> str:
        if self.name is not None:
            return f'{self.kind} {self.value}[name="{self.name}"]'
        return f"{self.kind} {self.value}"

    def for_page(self) -> JsonObject:
        """The argument for the script in the page."""
        return {"kind": self.kind, "value": self.value, "name": self.name}


def parse_selector(text: str) -> Selector:
    """What a selector's text means: `kind=…`, an XPath that begins `/`, or CSS.

    Raises:
        ValueError: it is empty, or no role with an optional name.
    """
    text = text.strip()
    match = _PREFIX.match(text)
    kind: Any = match[1] if match else "css"
    value = text[match.end() :].strip() if match else text
    if not match and value.startswith(("/", "(/", "./")):
        kind = "xpath"
    if not value:
        raise ValueError("a selector must not be empty")
    if kind != "role":
        return Selector(kind, value)
    if not (role := _ROLE.fullmatch(value)):
        raise ValueError(
            f'{value[:80]!r} is no role: write role=button or role=button[name="Save"]'
        )
    names = (role["double"], role["single"], role["bare"])
    return Selector("role", role["role"], next(filter(None, names), None))


def as_list(value: object) -> object:
    """A text alone as a list of one; anything else as it is."""
    return (value,) if isinstance(value, str) else value


def _checked(text: str) -> str:
    parse_selector(text)
    return text


SelectorText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SELECTOR),
    AfterValidator(_checked),
]

# Of the `iframe` elements on the way to a frame, outermost first.
FramePath = Annotated[
    tuple[SelectorText, ...],
    Field(max_length=8),
    BeforeValidator(
        as_list, json_schema_input_type=SelectorText | tuple[SelectorText, ...]
    ),
]


class Target(BaseModel):
    """An element: the way to find it, other ways to try, the frame it is in.

    Attributes:
        fallbacks: tried in turn while the primary selector finds nothing.
        frame: selectors of the `iframe` elements on the way, outermost first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    primary: SelectorText
    fallbacks: tuple[SelectorText, ...] = Field(default=(), max_length=20)
    frame: FramePath = ()

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """All ways to find it, best first."""
        return tuple(map(parse_selector, (self.primary, *self.fallbacks)))

    def for_page(self) -> Json:
        """All ways to find it, as the page's side takes them."""
        return [selector.for_page() for selector in self.selectors]

    def __str__(self) -> str:
        return self.primary


def as_target(value: object) -> object:
    """A text as the target it stands for; anything else as it is."""
    return {"primary": value} if isinstance(value, str) else value


TargetParam = Annotated[
    Target, BeforeValidator(as_target, json_schema_input_type=SelectorText | Target)
]


def target_field(**options: Any) -> Any:
    """The field of a param `target`, which may also be called `selector`."""
    return Field(
        validation_alias=AliasChoices("target", "selector"),
        description=(
            'An element: CSS, xpath=…, text=…, label=…, role=button[name="Save"], '
            "placeholder=… or testid=…; or {primary, fallbacks, frame}."
        ),
        **options,
    )
