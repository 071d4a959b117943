"""The test of one step: which one an execution runs, and with what values.

`Execution.test` holds `{step, variables, steps, names, document}`: the step's id,
what expressions find under `variables`, `steps` (outputs by id) and the names that
blocks around it give, and, when the test is of an edit that is not saved, the
definition as JSON text (jsonb would forget the order of its keys).
"""

import json
from collections.abc import Iterator, Mapping

from apps.core.errors import NotFound
from apps.core.types import JsonObject
from apps.executions.engine.frames import Outcome
from apps.executions.engine.interpreter import Interpreter
from apps.steps.base import Steps
from apps.workflows.definition.model import Definition, Node
from apps.workflows.definition.parser import parse


def nodes_of(definition: Definition) -> Iterator[Node]:
    """Every step of the definition, those in blocks after the block."""
    for steps in (definition.steps, definition.on_failure, definition.finally_):
        yield from _below(steps)


def _below(steps: Steps) -> Iterator[Node]:
    for node in steps.nodes:
        yield node
        for _, body in node.body.bodies() if node.body is not None else ():
            yield from _below(body)


def edited(test: JsonObject | None) -> Definition | None:
    """The definition that is tested before it is saved, if a test brings one.

    Raises:
        Invalid: it is not valid any more, as when a step type is gone.
    """
    text = test.get("document") if test else None
    return parse(json.loads(text)) if text else None


def variables_of(test: JsonObject | None) -> Mapping[str, object]:
    """The variables that the test gives instead of the definition's."""
    return test["variables"] if test else {}


def walk(interpreter: Interpreter, test: JsonObject | None) -> Outcome:
    """Walk the definition; for a test only its step, as if the walk had come to it.

    Raises:
        NotFound: the definition has no such step.
        Park, Interrupted: as for a whole walk.
    """
    if test is None:
        return interpreter.run()
    for step_id, output in test["steps"].items():
        interpreter.strand.steps[step_id] = {"output": output, "status": "completed"}
    for node in nodes_of(interpreter.definition):
        if node.id == test["step"]:
            return interpreter.run_one(node, test["names"])
    raise NotFound("The definition has no such step.")
