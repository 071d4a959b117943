"""The editor of a workflow's definition, and of a new one."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.accounts.roles import Role
from apps.core.expressions import reference
from apps.core.expressions.registry import Entry
from apps.core.types import JsonObject
from apps.dashboard.selectors import form_of
from apps.dashboard.views.base import Page
from apps.workflows import selectors as workflows
from apps.workflows.definition.yaml_io import export
from apps.workflows.models import WorkflowVersion

EMPTY = "schema: 1\nname: New workflow\nsteps:\n"
SAMPLE = """\
# What stands after a # is for people and stays as it is.
schema: 1
name: New workflow
inputs:
  customer: {type: string, default: world}
steps:
  - id: greeting
    type: set_variable
    params:
      name: text
      value: "Hello {{ inputs.customer }}"
  - id: report
    type: write_file
    params:
      path: reports/hello.txt
      content: "{{ variables.text }}"
"""
NEW = {"empty": EMPTY, "sample": SAMPLE}


class Editor(Page):
    """What both pages of the editor show; reading needs no more than looking."""

    section = "workflows"
    template = "dashboard/editor.html"
    parts = {"run-form": "dashboard/editor_run.html"}

    def show_editor(self, text: str, **more: Any) -> HttpResponse:
        """The page with a text in the editor."""
        return self.show(
            text=text,
            filters=_told(reference.filters()),
            functions=_told(reference.functions()),
            **more,
        )


class EditWorkflow(Editor):
    """The current version of a workflow, as its author wrote it."""

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        workflow = workflows.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        may_edit = self.viewer.may(Role.EDITOR) and not workflow.is_archived
        return self.show_editor(
            written(workflow.current_version),
            workflow=workflow,
            form=form_of(workflow.current_version),
            may_edit=may_edit,
        )


class NewWorkflow(Editor):
    """A workflow that does not exist yet; `?from=empty` begins with nothing."""

    roles = {"GET": Role.EDITOR}

    def get(self, request: HttpRequest) -> HttpResponse:
        start = request.GET.get("from", "sample")
        text = NEW.get(start, SAMPLE)
        return self.show_editor(text, workflow=None, may_edit=True, start=start)


def written(version: WorkflowVersion) -> str:
    """The YAML of a version: what its author wrote, else made from the document."""
    return version.source or export(version.document, "yaml")


def _told(entries: list[Entry]) -> str:
    found: list[JsonObject] = [
        {
            "name": one.name,
            "signature": one.signature,
            "description": one.description,
        }
        for one in entries
    ]
    return json.dumps(found)
