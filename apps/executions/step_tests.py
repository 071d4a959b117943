"""Trying one step of a workflow with given values, before or after it is saved."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Conflict
from apps.core.ids import uuid7
from apps.core.text import did_you_mean
from apps.core.types import Json, JsonObject
from apps.executions import selectors, services
from apps.executions.engine import masking, one_step
from apps.executions.models import Execution, StepRecord
from apps.executions.trail import audit_of
from apps.workflows import selectors as workflows
from apps.workflows.definition.inputs import check_inputs
from apps.workflows.definition.model import Definition
from apps.workflows.definition.names import TAKEN
from apps.workflows.definition.parser import parse
from apps.workflows.definition.problems import Problems
from apps.workflows.definition.shape import check_json
from apps.workflows.models import Workflow

# A person looks at the screen: such a run comes before all others.
_PRIORITY = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTest:
    """What one step is tried with.

    Attributes:
        step: its id.
        variables, inputs: by name; what is left out is as declared.
        steps: outputs of other steps by id.
        names: what blocks around it would give, such as `row` and `loop`.
        document: a definition that is not saved, to be used instead.
    """

    step: str
    variables: JsonObject = field(default_factory=dict)
    steps: JsonObject = field(default_factory=dict)
    names: JsonObject = field(default_factory=dict)
    inputs: JsonObject = field(default_factory=dict)
    document: Json = None
    dry_run: bool = False


def step_test_start(*, workflow: Workflow, by: Viewer, test: StepTest) -> Execution:
    """Accept the run of one step; it counts in no limit and no statistics.

    Raises:
        Invalid: the step, its values or the unsaved definition are not acceptable.
        Conflict: the workflow is archived.
    """
    if workflow.is_archived:
        raise Conflict("The workflow is archived.", code="workflow_archived")
    with tenancy.tenant(workflow.organization_id):
        definition = _definition(workflow, test)
        execution = Execution(
            id=uuid7(),
            organization_id=workflow.organization_id,
            workflow_id=workflow.id,
            version_id=workflow.current_version_id,
            trigger="test",
            triggered_by=by.user_id,
            priority=_PRIORITY,
            pool=definition.settings.pool,
            dry_run=test.dry_run,
            is_awaited=True,
            inputs=_inputs(definition, test.inputs),
            test=_checked(definition, test),
        )
        services.accept(execution)
        audit_of(execution, "test", by, step=test.step, dry_run=test.dry_run)
        return execution


def step_test_result(execution_id: uuid.UUID) -> JsonObject:
    """How the step that was tried ended: `{id, status, output, error, …}`.

    `evidence` are the artifacts that were kept of it.
    """
    execution = selectors.execution_get(execution_id)
    step_id = (execution.test or {}).get("step")
    record: StepRecord | None = (
        selectors.step_list(execution_id).filter(path=step_id).first()
    )
    found: JsonObject = {
        "id": str(execution_id),
        "status": execution.status if record is None else record.status,
        "output": None,
        "error": masking.conceal(execution.error),
        "warnings": [],
        "duration_ms": None,
        "evidence": [],
    }
    if record is not None:
        found["output"] = selectors.step_output(record)
        found["error"] = masking.conceal(record.error or execution.error)
        found["warnings"] = record.warnings
        found["duration_ms"] = record.duration_ms
        kept = selectors.evidence_of(execution_id, [record.path])
        found["evidence"] = kept.get((record.path, record.attempt), [])
    return found


def _definition(workflow: Workflow, test: StepTest) -> Definition:
    if test.document is None:
        return workflows.definition_of(workflow.current_version_id)
    return parse(test.document)


def _inputs(definition: Definition, given: JsonObject) -> JsonObject:
    """The inputs, of which none is required: the step may need but one of them."""
    optional = tuple(replace(one, required=False) for one in definition.inputs)
    return check_inputs(replace(definition, inputs=optional), given)


def _checked(definition: Definition, test: StepTest) -> JsonObject:
    """The test as it is stored.

    Raises:
        Invalid: with one entry for each mistake.
    """
    problems = Problems()
    ids = {node.id for node in one_step.nodes_of(definition)}
    _check_known(problems, "step", [test.step], ids)
    _check_known(problems, "steps", test.steps, ids)
    for name in sorted(test.names.keys() & TAKEN):
        problems.add(("names", name), "is a name of the platform's own")
    values = {"variables": test.variables, "steps": test.steps, "names": test.names}
    for name, value in values.items():
        check_json(value, problems, at=(name,))
    problems.raise_if_any("The test is not valid.")
    text = None if test.document is None else json.dumps(definition.document)
    return {"step": test.step, **values, "document": text}


def _check_known(
    problems: Problems, at: str, given: Iterable[str], known: Iterable[str]
) -> None:
    known = sorted(known)
    for step_id in given:
        if step_id not in known:
            near = did_you_mean(step_id, known)
            place = (at,) if at == "step" else (at, step_id)
            problems.add(place, f"there is no step {step_id[:100]!r}.{near}")
