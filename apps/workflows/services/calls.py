"""Refusing workflows that would call themselves, directly or through others."""

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from apps.core.errors import Invalid
from apps.core.expressions import contains_expression
from apps.core.paths import format_path
from apps.core.types import JsonObject
from apps.steps import registry
from apps.workflows.definition.outline import find_steps
from apps.workflows.definition.problems import quoted
from apps.workflows.models import Workflow

# Beyond this, the depth limit of running executions has to stop a cycle.
MOST_FOLLOWED = 500


@dataclass(frozen=True, slots=True)
class Call:
    """A step that names the workflow it calls.

    Attributes:
        place: JSON path of the name.
        target: id or name.
    """

    place: str
    target: str


def calls_in(document: JsonObject) -> Iterator[Call]:
    """The calls of a document whose target is no expression."""
    for step in find_steps(document):
        kind = registry.find(str(step.raw.get("type")))
        param = getattr(kind, "workflow_param", None)
        params = step.raw.get("params")
        if param is None or not isinstance(params, dict):
            continue
        target = params.get(param)
        if isinstance(target, str) and not contains_expression(target):
            yield Call(format_path((*step.path, "params", param)), target)


def check_calls(*, workflow_id: uuid.UUID, name: str, document: JsonObject) -> None:
    """Refuse a document that leads back to the workflow it is for.

    Raises:
        Invalid: with one entry for each call that leads back.
    """
    own = {str(workflow_id), name}
    errors: list[dict[str, object]] = []
    for call in calls_in(document):
        way = _way_back(call.target, own)
        if way is not None:
            names = " → ".join(quoted(one) for one in (name, *way, name))
            message = f"this workflow would call itself: {names}"
            errors.append({"path": call.place, "message": message})
    if errors:
        message = "The workflow would call itself."
        raise Invalid(message, errors, code="workflow_cycle")


def _way_back(target: str, own: set[str]) -> list[str] | None:
    """The workflows between a call of `target` and `own`, if it leads back."""
    waiting: deque[tuple[str, list[str]]] = deque([(target, [])])
    seen: set[str] = set()
    while waiting and len(seen) < MOST_FOLLOWED:
        reference, way = waiting.popleft()
        if reference in own:
            return way
        if reference in seen:
            continue
        seen.add(reference)
        workflow = _find(reference)
        if workflow is None:
            continue
        if str(workflow.id) in own:
            return way
        for call in calls_in(workflow.current_version.document):
            waiting.append((call.target, [*way, workflow.name]))
    return None


def _find(reference: str) -> Workflow | None:
    found = Workflow.objects.filter(archived_at__isnull=True)
    found = found.select_related("current_version")
    try:
        return found.filter(id=uuid.UUID(reference)).first()
    except ValueError:
        return found.filter(name=reference).first()
