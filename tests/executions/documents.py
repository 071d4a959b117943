"""Small workflows for tests of executions, and what refusals say."""

import uuid
from typing import Any

UNKNOWN = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")

Step = dict[str, Any]


def put(step_id: str, value: Any, **more: Any) -> Step:
    """A step that sets the variable of its own name."""
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params, **more}


def write(step_id: str, text: Any = "x", path: str | None = None, **more: Any) -> Step:
    """A `write` step: it writes a file."""
    params = {"path": path or f"{step_id}.txt", "content": text}
    return {"id": step_id, "type": "write_file", "params": params, **more}


def broken(step_id: str, **more: Any) -> Step:
    """A step that fails when it runs."""
    return {
        "id": step_id,
        "type": "read_file",
        "params": {"path": "missing.txt"},
        **more,
    }


def doc(*steps: Step, **more: Any) -> dict[str, Any]:
    """A document with these steps."""
    return {"steps": list(steps) or [put("a", 1)], **more}


NAMED = {
    "inputs": {
        "customer": {"type": "string", "required": True},
        "count": {"type": "integer", "default": 2},
    },
    "steps": [put("a", "{{ inputs.customer }}")],
}


def refused(answer: Any) -> list[str]:
    """The paths that a 400 names."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["path"] for error in answer.json()["errors"]]
