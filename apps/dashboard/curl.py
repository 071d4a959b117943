"""Executions as commands for a terminal."""

import json
import shlex

from django.conf import settings

from apps.core.types import JsonObject
from apps.executions.engine import masking
from apps.executions.models import Execution


def start_command(execution: Execution) -> str:
    """The `curl` that starts the same workflow with the same inputs and labels.

    The token stands in the shell's variable TOKEN; secrets are `***`.
    """
    body: JsonObject = {"inputs": masking.conceal(execution.inputs)}
    if execution.labels:
        body["labels"] = execution.labels
    if execution.dry_run:
        body["dry_run"] = True
    url = f"{settings.PUBLIC_URL}/api/workflows/{execution.workflow_id}/execute"
    text = json.dumps(body, ensure_ascii=False)
    return " \\\n  ".join(
        (
            f"curl -X POST {shlex.quote(url)}",
            '-H "Authorization: Bearer $TOKEN"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(text)}",
        )
    )
