"""What a running execution has so far: read from its records, as its engine would."""

from collections.abc import Mapping

from django.db.models import Max, QuerySet

from apps.core.errors import RpaError
from apps.core.types import Json, JsonObject
from apps.executions.engine import outputs
from apps.executions.engine.strand import Strand
from apps.executions.models import Execution, StepRecord
from apps.executions.reuse import Outline
from apps.workflows import selectors as workflows
from apps.workflows.definition.model import Definition

_SETTLED = ("completed", "skipped", "failed", "unknown")


def progress(execution: Execution) -> tuple[JsonObject, JsonObject]:
    """Variables and outputs as the records have them, placeholders in them."""
    try:
        definition = workflows.definition_of(execution.version_id)
    except RpaError:
        return execution.variables, execution.outputs
    settled = _last(execution, *_SETTLED)
    found = {row.step_id: output_of(row) for row in settled}
    variables = {**execution.variables, **_declared(execution, definition)}
    outline = Outline(definition)
    for row in _last(execution, "completed"):
        variables.update(row.variables)
        place = outline.place(row.path)
        if place is not None and place.node.save_as is not None:
            variables[place.node.save_as] = output_of(row)
    return variables, found


def output_of(record: StepRecord) -> Json:
    """A record's output, wherever it is kept."""
    if record.output_packed is not None:
        return outputs.unpack(bytes(record.output_packed))
    return record.output


def _last(execution: Execution, *statuses: str) -> QuerySet[StepRecord]:
    """Each step's last record of these statuses: in a loop, the last iteration's."""
    rows = StepRecord.objects.filter(
        execution_id=execution.id, status__in=statuses, is_final=True
    )
    # Positions first: sorting whole rows takes long when there are many.
    last = rows.values("step_id").annotate(last=Max("position")).order_by()
    return rows.filter(position__in=[row["last"] for row in last]).order_by("position")


def _declared(execution: Execution, definition: Definition) -> Mapping[str, Json]:
    """The declared variables as they were when it started."""
    if execution.started_at is None:
        return {}
    strand = Strand(
        seed=str(execution.id),
        started_at=execution.started_at,
        fixed={
            "inputs": execution.inputs,
            "workflow": {"id": str(execution.workflow_id), "name": definition.name},
            "execution": {"id": str(execution.id), "trigger": execution.trigger},
        },
        values={},
        steps={},
    )
    for name, value in definition.variables.items():
        try:
            strand.values[name] = value.compiled.render(strand.scope)
        except RpaError:
            strand.values[name] = None
    return strand.values
