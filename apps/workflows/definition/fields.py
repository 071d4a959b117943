"""The fixed parts of a document, as Pydantic models: they check and give the schema."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from apps.core.durations import parse_duration
from apps.steps.base import Condition, Duration, Value
from apps.steps.browser.settings import BrowserSettings
from apps.workflows.definition.labels import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_LABELS,
    check_label_name,
    check_label_value,
)
from apps.workflows.definition.model import Concurrency, Retention, Retry, Settings

SCHEMA_VERSION = 1
_USUAL = Retry()
# Nobody could look at what is gone sooner.
_SHORTEST_KEPT = timedelta(hours=1)
INPUT_TYPES = (
    *("string", "number", "integer", "boolean", "array", "object", "any"),
    *("date", "file"),
)
_ID = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


def _check_id(text: str) -> str:
    if not _ID.fullmatch(text) or text.startswith("__"):
        raise ValueError(
            "must be 1 to 64 of a-z, 0-9 and _, and not begin with two underscores"
        )
    return text


def check_name(text: str) -> str:
    """`text`, when it can be the name of an input or variable.

    Raises:
        ValueError: it cannot.
    """
    if not _NAME.fullmatch(text) or text.startswith("__"):
        raise ValueError(
            "must be a name: letters, digits and _, up to 64, not beginning with a "
            "digit or two underscores"
        )
    return text


def _check_word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("must be an error code, temporary, permanent, timeout or any")
    return text


def _refuse_expression(text: str) -> str:
    if "{{" in text:
        raise ValueError("takes no expression")
    return text


def _refuse_zero(duration: Any) -> Any:
    if not duration:
        raise ValueError("must be longer than 0")
    return duration


def _kept(value: Any) -> timedelta:
    if value == "forever":
        return Retention.FOREVER
    try:
        kept = parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or the word forever") from error
    if kept < _SHORTEST_KEPT:
        raise ValueError("must be an hour or longer, or the word forever")
    return kept


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_version(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise ValueError(
            f"is version {value:.0f}, from a newer platform; this one knows "
            f"{SCHEMA_VERSION}"
        )
    return value


Plain = AfterValidator(_refuse_expression)
StepId = Annotated[str, Plain, AfterValidator(_check_id)]
Identifier = Annotated[str, Plain, AfterValidator(check_name)]
Label = Annotated[str, Plain, Field(max_length=200)]
PositiveDuration = Annotated[Duration, AfterValidator(_refuse_zero)]
# How long something is kept.
Kept = Annotated[
    timedelta,
    BeforeValidator(_kept),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 3600}, {"type": "string"}]}
    ),
]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
LabelName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(check_label_name)
]
LabelValue = Annotated[
    str, Field(max_length=LONGEST_VALUE), Plain, AfterValidator(check_label_value)
]
# Steps are parsed one by one, each with its own path.
StepList = list[Any]


class Fields(BaseModel):
    """Unknown keys are refused, and nothing is converted from another type."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )


class RetryFields(Fields):
    """When a failed step is tried again."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    delay: Duration = _USUAL.delay
    backoff: Annotated[float, Field(ge=1, le=100)] = 1.0
    max_delay: Duration = _USUAL.max_delay
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    on: Annotated[
        list[Annotated[str, AfterValidator(_check_word)]],
        BeforeValidator(_as_list),
        Field(min_length=1, max_length=20),
    ] = ["any"]

    def build(self) -> Retry:
        """The retry that the engine reads."""
        return Retry(**{**dict(self), "on": tuple(self.on)})


class StepFields(Fields):
    """What every step may say beside its parameters or its body."""

    id: StepId = ""
    type: str
    name: Label = ""
    params: dict[str, Any] = {}
    if_: Annotated[Condition | None, Field(alias="if")] = None
    # Made anew, since Pydantic would copy a fixed one deeply for every step.
    retry: RetryFields = Field(default_factory=RetryFields)
    timeout: PositiveDuration | None = None
    mock: Value | None = None
    on_error: Literal["fail", "continue"] = "fail"
    on_crash: Literal["retry", "fail", "skip"] | None = None
    save_as: Identifier | None = None
    disabled: bool = False


class InputFields(Fields):
    """One declared input."""

    type: Literal[INPUT_TYPES] = "any"  # type: ignore[valid-type]  # named once, above
    required: bool = False
    default: Any = None
    description: Annotated[str, Field(max_length=2000)] = ""
    enum: Annotated[list[Any], Field(min_length=1, max_length=1000)] | None = None


class ConcurrencyFields(Fields):
    """How many executions of one key may run at a time."""

    limit: Annotated[int, Field(ge=1, le=10_000)]
    key: Value | None = None
    on_limit: Literal["queue", "skip", "cancel_running"] = "queue"


class RetentionFields(Fields):
    """How long ended executions are kept."""

    completed: Kept | None = None
    failed: Kept | None = None
    keep_last: Annotated[int, Field(ge=0, le=10_000)] | None = None

    def build(self) -> Retention:
        """The rule that the pruner reads."""
        return Retention(**dict(self))


class SettingsFields(Fields):
    """Settings that are versioned with the document."""

    timeout: PositiveDuration | None = None
    concurrency: ConcurrencyFields | None = None
    pool: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "default"
    retention: RetentionFields = Field(default_factory=RetentionFields)
    browser: BrowserSettings = Field(default_factory=BrowserSettings)

    def build(self) -> Settings:
        """The settings that the engine reads."""
        concurrency = None
        if self.concurrency:
            concurrency = Concurrency(**dict(self.concurrency))
        return Settings(
            timeout=self.timeout,
            concurrency=concurrency,
            pool=self.pool,
            retention=self.retention.build(),
            browser=self.browser,
        )


class DocumentFields(Fields):
    """The whole document; its steps are parsed apart."""

    version: Annotated[
        Literal[1], BeforeValidator(_check_version), Field(alias="schema")
    ] = 1
    name: Label = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=MOST_LABELS)] = {}
    inputs: Annotated[dict[Identifier, InputFields], Field(max_length=200)] = {}
    variables: Annotated[dict[Identifier, Value], Field(max_length=1000)] = {}
    settings: SettingsFields = Field(default_factory=SettingsFields)
    steps: StepList
    on_failure: StepList = []
    finally_: Annotated[StepList, Field(alias="finally")] = []
