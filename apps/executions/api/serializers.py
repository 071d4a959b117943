"""Executions on the wire: one serializer for each request and answer."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.serializers import FilterSerializer, StrictSerializer
from apps.core.text import did_you_mean
from apps.core.types import Json, JsonObject
from apps.executions import selectors
from apps.executions.api.waits import WaitOutput, waits_shown
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, StepRecord

LONGEST_MS = 10_000_000_000


@extend_schema_field(
    serializers.DictField(child=serializers.CharField(allow_blank=True, max_length=200))
)
class LabelsField(serializers.DictField):
    """Texts by name; the service checks them, whoever gives them."""


class ExecuteInput(StrictSerializer):
    """Body of `POST /api/workflows/:id/execute`; may be left out."""

    inputs = serializers.DictField(required=False, default=dict)
    priority = serializers.IntegerField(
        required=False, default=5, min_value=0, max_value=9
    )
    idempotency_key = serializers.CharField(
        required=False, max_length=200, trim_whitespace=False
    )
    dry_run = serializers.BooleanField(required=False, default=False)
    labels = LabelsField(required=False)


class RetryInput(StrictSerializer):
    """Body of `POST /api/executions/:id/retry`."""

    version = serializers.ChoiceField(
        choices=["same", "current"], required=False, default="same"
    )
    inputs = serializers.DictField(required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        # `from` is a keyword of Python, so it cannot be a class attribute.
        fields["from"] = serializers.CharField(
            required=False, default="failed", max_length=2_000
        )
        return fields


class PageFilter(FilterSerializer):
    """Query parameters of a list that is in one order only."""

    OF_THE_PAGE = ("limit", "cursor")


class ExecutionFilter(FilterSerializer):
    """Query parameters of the list of executions."""

    workflow = serializers.UUIDField(required=False)
    status = serializers.CharField(
        required=False, help_text="One, or several with commas between."
    )
    trigger = serializers.CharField(required=False)
    parent = serializers.UUIDField(required=False)  # type: ignore[assignment]  # a field, not the attribute
    retry_of = serializers.UUIDField(required=False)
    # Any number of them: the view reads them all.
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # a field, not the attribute
    user = serializers.UUIDField(required=False, help_text="Who started it.")
    since = serializers.DateTimeField(required=False, help_text="When accepted.")
    until = serializers.DateTimeField(required=False)
    shortest_ms = serializers.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MS, help_text="It took so long."
    )
    longest_ms = serializers.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MS
    )
    text = serializers.CharField(
        required=False, max_length=200, help_text="Stands in the inputs or outputs."
    )

    def validate_status(self, value: str) -> list[str]:
        """A status, or several with commas between."""
        statuses = value.split(",")
        for status in statuses:
            _check_known(status, Execution.STATUSES)
        return statuses

    def validate_trigger(self, value: str) -> str:
        """What started an execution."""
        _check_known(value, Execution.TRIGGERS)
        return value


def _check_known(word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        near = did_you_mean(word, known)
        message = f"{word[:100]!r} is none of {', '.join(known)}.{near}"
        raise serializers.ValidationError(message)


class ErrorOutput(serializers.Serializer[Any]):
    """Why an execution or a step failed."""

    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=["step", "timeout", "platform"])
    message = serializers.CharField()
    path = serializers.CharField(allow_null=True, required=False)


class ExecutionOutput(serializers.ModelSerializer[Execution]):
    """An execution in lists: without its documents."""

    workflow_id = serializers.UUIDField(read_only=True)
    workflow_name = serializers.CharField(source="workflow.name", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)
    error = serializers.SerializerMethodField()
    duration_ms = serializers.SerializerMethodField()

    class Meta:
        model = Execution
        fields: tuple[str, ...] = (
            "id",
            "workflow_id",
            "workflow_name",
            "version",
            "status",
            "reason",
            "error",
            "trigger",
            "triggered_by",
            "labels",
            "priority",
            "pool",
            "dry_run",
            "queued_at",
            "started_at",
            "finished_at",
            "due_at",
            "cancel_requested_at",
            "duration_ms",
            "running_ms",
            "deliveries",
            "retry_of",
            "reused_steps",
            "parent_id",
        )
        read_only_fields = fields

    @extend_schema_field(ErrorOutput(allow_null=True))
    def get_error(self, execution: Execution) -> Json:
        return masking.conceal(execution.error)

    def get_duration_ms(self, execution: Execution) -> int | None:
        if execution.started_at is None or execution.finished_at is None:
            return None
        elapsed = execution.finished_at - execution.started_at
        return round(elapsed.total_seconds() * 1000)


class ExecutionDetail(ExecutionOutput):
    """One execution with its inputs, variables and outputs."""

    inputs = serializers.SerializerMethodField()
    variables = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()
    waits = serializers.SerializerMethodField()

    class Meta(ExecutionOutput.Meta):
        fields = (
            *ExecutionOutput.Meta.fields,
            "inputs",
            "variables",
            "outputs",
            "waits",
        )
        read_only_fields = fields

    def to_representation(self, instance: Execution) -> JsonObject:
        self._results = selectors.results(instance)
        found: JsonObject = super().to_representation(instance)
        return found

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_inputs(self, execution: Execution) -> Json:
        return masking.conceal(execution.inputs)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_variables(self, execution: Execution) -> JsonObject:
        return self._results[0]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_outputs(self, execution: Execution) -> JsonObject:
        return self._results[1]

    @extend_schema_field(WaitOutput(many=True))
    def get_waits(self, execution: Execution) -> Json:
        return waits_shown(execution, self.context.get("viewer"))


class EvidenceOutput(serializers.ModelSerializer[Artifact]):
    """A file that was kept of a browser step, with the address to get it from."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields: tuple[str, ...] = ("id", "kind", "name", "content_type", "bytes", "url")
        read_only_fields = fields

    def get_url(self, artifact: Artifact) -> str:
        return f"/api/executions/{artifact.execution_id}/artifacts/{artifact.id}"


class StepOutput(serializers.ModelSerializer[StepRecord]):
    """One step: its last attempt."""

    evidence = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = StepRecord
        fields = (
            "path",
            "step_id",
            "type",
            "name",
            "status",
            "attempt",
            "position",
            "effect",
            "started_at",
            "duration_ms",
            "output",
            "error",
            "reason",
            "warnings",
            "evidence",
        )
        read_only_fields = fields

    @extend_schema_field(EvidenceOutput(many=True))
    def get_evidence(self, record: StepRecord) -> Json:
        kept: selectors.Evidence = self.context["evidence"]
        return evidence_shown(kept.get((record.path, record.attempt), []))

    @extend_schema_field(OpenApiTypes.ANY)
    def get_output(self, record: StepRecord) -> Json:
        return selectors.step_output(record)

    @extend_schema_field(ErrorOutput(allow_null=True))
    def get_error(self, record: StepRecord) -> Json:
        return masking.conceal(record.error)

    def get_reason(self, record: StepRecord) -> str:
        """Why it waits, when it does."""
        state = record.state or {}
        return str(masking.conceal(state.get("reason", "")))


def evidence_shown(kept: list[Artifact]) -> list[JsonObject]:
    """Evidence of one attempt on the wire."""
    return [dict(EvidenceOutput(one).data) for one in kept]


class ArtifactOutput(EvidenceOutput):
    """An artifact, with the address to get it from."""

    class Meta(EvidenceOutput.Meta):
        fields = (*EvidenceOutput.Meta.fields, "path", "attempt", "created_at")
        read_only_fields = fields


class CancelledOutput(serializers.Serializer[Any]):
    """How many executions were asked to stop."""

    cancelled = serializers.IntegerField()


class WorkflowStatusOutput(serializers.Serializer[Any]):
    """How a workflow is doing: executions by status, the open ones, the last."""

    workflow_id = serializers.UUIDField()
    executions = serializers.DictField(child=serializers.IntegerField())
    open = ExecutionOutput(many=True)
    last = ExecutionOutput(allow_null=True)


class EngineStatusOutput(serializers.Serializer[Any]):
    """How busy the engine is."""

    activeExecutions = serializers.IntegerField()
    queuedExecutions = serializers.IntegerField()
    maxConcurrent = serializers.IntegerField()


class Page(serializers.Serializer[Any]):
    """A page of a list, and where the next one is."""

    next = serializers.URLField(allow_null=True)


class ExecutionPage(Page):
    """A page of executions."""

    results = ExecutionOutput(many=True)


class StepPage(Page):
    """A page of steps."""

    results = StepOutput(many=True)


class ArtifactPage(Page):
    """A page of artifacts."""

    results = ArtifactOutput(many=True)


class FileOutput(serializers.Serializer[Any]):
    """A file of the organization."""

    path = serializers.CharField()
    bytes = serializers.IntegerField()
    modified_at = serializers.DateTimeField()


class FilePage(Page):
    """A page of files."""

    results = FileOutput(many=True)
