"""Executions on the wire: one serializer for each request and answer."""

from typing import Any

from rest_framework import serializers

from apps.core.api.serializers import FilterSerializer, StrictSerializer
from apps.core.types import Json, JsonObject
from apps.executions import selectors
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, StepRecord


class ExecuteInput(StrictSerializer):
    """Body of `POST /api/workflows/:id/execute`; may be left out."""

    inputs = serializers.DictField(required=False, default=dict)
    priority = serializers.IntegerField(
        required=False, default=5, min_value=0, max_value=9
    )
    idempotency_key = serializers.CharField(required=False, max_length=200)
    dry_run = serializers.BooleanField(required=False, default=False)


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


class ExecutionFilter(FilterSerializer):
    """Query parameters of the list of executions."""

    workflow = serializers.UUIDField(required=False)
    status = serializers.CharField(required=False)
    trigger = serializers.CharField(required=False)
    parent = serializers.UUIDField(required=False)
    retry_of = serializers.UUIDField(required=False)

    def validate_status(self, value: str) -> list[str]:
        """A status, or several with commas between."""
        statuses = value.split(",")
        if wrong := [one for one in statuses if one not in Execution.STATUSES]:
            known = ", ".join(Execution.STATUSES)
            raise serializers.ValidationError(f"{wrong[0]!r} is none of {known}")
        return statuses


class ExecutionOutput(serializers.ModelSerializer[Execution]):
    """An execution in lists: without its documents."""

    workflow_id = serializers.UUIDField(read_only=True)
    workflow_name = serializers.CharField(source="workflow.name", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
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
            "priority",
            "pool",
            "dry_run",
            "queued_at",
            "started_at",
            "finished_at",
            "due_at",
            "duration_ms",
            "running_ms",
            "deliveries",
            "retry_of",
            "reused_steps",
            "parent_id",
        )
        read_only_fields = fields

    def get_error(self, execution: Execution) -> Json:
        return masking.conceal(execution.error)

    def get_duration_ms(self, execution: Execution) -> int | None:
        if execution.started_at is None or execution.finished_at is None:
            return None
        elapsed = execution.finished_at - execution.started_at
        return round(elapsed.total_seconds() * 1000)


class ExecutionDetail(ExecutionOutput):
    """One execution with its inputs, variables and outputs."""

    variables = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()

    class Meta(ExecutionOutput.Meta):
        fields = (*ExecutionOutput.Meta.fields, "inputs", "variables", "outputs")
        read_only_fields = fields

    def to_representation(self, instance: Execution) -> JsonObject:
        self._results = selectors.results(instance)
        found: JsonObject = super().to_representation(instance)
        return found

    def get_variables(self, execution: Execution) -> JsonObject:
        return self._results[0]

    def get_outputs(self, execution: Execution) -> JsonObject:
        return self._results[1]


class StepOutput(serializers.ModelSerializer[StepRecord]):
    """One step: its last attempt."""

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
        )
        read_only_fields = fields

    def get_output(self, record: StepRecord) -> Json:
        return selectors.step_output(record)

    def get_error(self, record: StepRecord) -> Json:
        return masking.conceal(record.error)

    def get_reason(self, record: StepRecord) -> str:
        """Why it waits, when it does."""
        state = record.state or {}
        return str(state.get("reason", ""))


class ArtifactOutput(serializers.ModelSerializer[Artifact]):
    """An artifact, with the address to get it from."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields = ("id", "path", "name", "content_type", "bytes", "created_at", "url")
        read_only_fields = fields

    def get_url(self, artifact: Artifact) -> str:
        return f"/api/executions/{artifact.execution_id}/artifacts/{artifact.id}"
