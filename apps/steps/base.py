"""What a step type is: its parameters, its effect on the world, and its work.

A step type is one file `apps/steps/<group>/<name>.py` with one class and one test
file `tests/steps/<group>/test_<name>.py`; the registry finds it. Steps stand on
`apps.core` alone: no Django models, no settings, no Celery. All they need comes
through their context.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from apps.core.durations import parse_duration
from apps.core.expressions import (
    Compiled,
    ExpressionError,
    Template,
    compile_expression,
    compile_value,
)
from apps.core.types import Json
from apps.steps.context import StepContext


class Effect(StrEnum):
    """What a step does to the world; decides what is committed before it runs.

    `none` computes; `read` looks at something outside, or goes to a place in the
    browser, which its checkpoint knows; `page` changes only the open page (typing,
    scrolling), which lives in no server; `write` changes something that outlives the
    execution, or may.
    """

    NONE = "none"
    READ = "read"
    PAGE = "page"
    WRITE = "write"


class OnCrash(StrEnum):
    """What to do with a `write` step that was started when its worker died."""

    RETRY = "retry"
    FAIL = "fail"
    SKIP = "skip"


class Params(BaseModel):
    """Parameters of a step type; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )


# Seconds, or a text such as `500ms`, `30s`, `5m`, `2h`.
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]

P = TypeVar("P", bound=Params)
B = TypeVar("B", bound="Body")


class StepType(ABC, Generic[P]):
    """One kind of step: does one thing and hands on what it found.

    `run` raises only `TemporaryFailure` and `PermanentFailure` on purpose, and
    `Park` (see `apps.steps.signals`) to wait without holding a worker.
    The class docstring's first line is its description for people.
    """

    name: ClassVar[str]  # set by the registry
    group: ClassVar[str]  # set by the registry: the folder's name
    params_class: ClassVar[type[Params]]
    effect: ClassVar[Effect] = Effect.NONE
    # True when a repeat under the same idempotency key does nothing twice.
    keyed: ClassVar[bool] = False
    on_crash: ClassVar[OnCrash] = OnCrash.FAIL
    timeout: ClassVar[timedelta | None] = None
    # Steps that need the open page cannot run in parallel branches.
    needs_browser: ClassVar[bool] = False
    # Whether it opens a page, whatever page was open before.
    opens_page: ClassVar[bool] = False
    # Steps that steer the loop around them are refused outside of one.
    needs_loop: ClassVar[bool] = False
    # Params that take no expressions: what must never be put together from data.
    literal_params: ClassVar[frozenset[str]] = frozenset()
    # The param that names the variable this step sets, when there is one.
    variable_param: ClassVar[str | None] = None
    # The param that names the workflow this step calls, when there is one.
    workflow_param: ClassVar[str | None] = None

    def uses_browser(self, given: Mapping[str, Json]) -> bool:
        """Whether it needs the open page.

        Args:
            given: the params as the document has them, expressions included.
        """
        return self.needs_browser

    def effect_of(self, params: P) -> Effect:
        """The effect with these parameters (a GET reads, a POST writes)."""
        return self.effect

    def is_keyed(self, params: P) -> bool:
        """Whether these parameters make a repeat harmless."""
        return self.keyed

    def summary(self, params: P) -> str:
        """What it would do, in a few words, for a dry run. No secrets."""
        return self.name.replace("_", " ")

    @abstractmethod
    def run(self, params: P, ctx: StepContext) -> Json:
        """Do the work; the JSON value returned is the step's output."""


class Value:
    """A field of a block that holds JSON, with or without expressions in it."""

    __slots__ = ("compiled", "raw")

    def __init__(self, raw: Json) -> None:
        self.raw = raw
        self.compiled: Compiled | Template = self._compile(raw)

    @staticmethod
    def _compile(raw: Json) -> Compiled | Template:
        return compile_value(raw)

    @classmethod
    def _validate(cls, raw: Json) -> "Value":
        try:
            return cls(raw)
        except ExpressionError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"description": "A value or an {{ expression }}."}


class Condition(Value):
    """An expression that is asked for yes or no; the braces may be left out."""

    __slots__ = ()

    @staticmethod
    def _compile(raw: Json) -> Compiled | Template:
        return compile_expression(raw) if isinstance(raw, str) else compile_value(raw)


class Steps:
    """The steps inside a block.

    Attributes:
        raw: as they stand in the document.
        nodes: what the definition's parser made of them; empty until then.
    """

    __slots__ = ("nodes", "raw")

    def __init__(self, raw: list[Json]) -> None:
        self.raw = raw
        self.nodes: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.raw)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.list_schema(core_schema.any_schema())
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # What a step is, only the schema of a whole definition says.
        return {"type": "array", "items": {"title": "Step"}}


class Body(BaseModel):
    """The keys that a block has beside the common ones; unknown ones are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )

    def bodies(self) -> Iterator[tuple[tuple[str | int, ...], Steps]]:
        """Every list of steps in this block with its place, in document order."""
        yield from _find_steps(self, ())


def _find_steps(
    value: object, at: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Steps]]:
    if isinstance(value, Steps):
        yield at, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _find_steps(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _find_steps(item, (*at, index))


class Flow(Protocol):
    """How a block drives the steps inside it; the engine provides it."""

    max_iterations: int

    def evaluate(self, value: Value) -> Json:
        """The value now, with the names in reach."""

    def test(self, condition: Condition) -> bool:
        """The condition's answer now."""

    def run(self, steps: Steps, names: Mapping[str, Json] | None = None) -> Json:
        """Run a body once, with extra names; gives its last step's output.

        Raises:
            StepFailed: a step of it failed for good.
            BreakLoop, ContinueLoop, StopExecution: a step of it said so.
        """

    def iterate(self, steps: Steps, index: int, names: Mapping[str, Json]) -> Json:
        """Run a body as iteration `index` (from 0) of this block."""

    def parallel(self, branches: Sequence[tuple[str, Steps]]) -> dict[str, Json]:
        """Run bodies side by side; gives each one's last output by name.

        Variables set in them are merged in the order of the branches.
        """

    def warn(self, message: str) -> None:
        """Put a warning on the block's record."""


class BlockType(ABC, Generic[B]):
    """A step that has other steps inside and decides which of them run."""

    name: ClassVar[str]
    group: ClassVar[str]
    body_class: ClassVar[type[Body]]
    # Names that the block's bodies can use beside the workflow's own.
    is_loop: ClassVar[bool] = False
    # True when its bodies run side by side.
    is_parallel: ClassVar[bool] = False

    def names(self, body: B) -> frozenset[str]:
        """The names this block gives to the steps inside it (`row`, `loop`)."""
        return frozenset()

    @abstractmethod
    def run(self, body: B, flow: Flow) -> Json:
        """Run what should run; the JSON value returned is the block's output."""


AnyStepType = StepType[Any] | BlockType[Any]
