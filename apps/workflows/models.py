"""Workflows, their immutable versions, secrets, and kept sessions of browsers."""

import json

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.models import TenantModel
from apps.core.types import JsonObject


class Workflow(TenantModel):
    """Something people automate: a name, and versions of how it is done.

    A workflow that is archived cannot be started or changed; its name is free for
    another one. It is the current version that executions run. Name, description and
    tags stand in that version's document; the columns are copies to search by.
    """

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    tags = models.JSONField(default=list)
    current_version = models.ForeignKey(
        "WorkflowVersion",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    archived_at = models.DateTimeField(null=True, editable=False)
    created_by = models.UUIDField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "name"],
                condition=Q(archived_at__isnull=True),
                name="workflow_name_unique",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="workflow_name_given"),
        ]
        indexes = [
            models.Index(
                fields=["organization_id", "updated_at"], name="workflow_by_update"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        """Whether it is out of use."""
        return self.archived_at is not None


class WorkflowVersion(TenantModel):
    """What a workflow did at one time; a trigger in the database refuses changes.

    Attributes:
        number: from 1 within the workflow.
        document_text: the definition as JSON text, since jsonb would forget the order
            of keys, and with it what people wrote.
        digest: SHA-256 of that text; saving an equal document makes no new version.
        source: the YAML it was saved from, with the author's comments; empty when it
            came as JSON. It means exactly the document.
    """

    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, db_constraint=False, related_name="versions"
    )
    number = models.PositiveIntegerField()
    document_text = models.TextField()
    digest = models.CharField(max_length=64)
    source = models.TextField(blank=True, default="", db_default="")
    comment = models.CharField(max_length=500, blank=True, default="")
    created_by = models.UUIDField(null=True, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "number"], name="workflow_version_number_unique"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="workflow_version_number_from_one"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def document(self) -> JsonObject:
        """The definition as people wrote it, with the steps' ids."""
        found: JsonObject = json.loads(self.document_text)
        return found


class Secret(TenantModel):
    """A value that workflows use and nobody can read back.

    Attributes:
        encrypted: the value, bound to the organization and this row.
    """

    name = models.CharField(max_length=64)
    description = models.TextField(blank=True, default="")
    encrypted = models.TextField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_by = models.UUIDField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "name"], name="secret_name_unique"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[a-z][a-z0-9_]*$"), name="secret_name_form"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """What the encrypted value is bound to."""
        return f"{self.organization_id}:{self.id}"


class KeptSession(TenantModel):
    """Cookies and storage of a workflow's browser, from one execution to the next.

    They belong to one workflow: who may change that may use them, and nobody else.

    Attributes:
        name: as the workflow's `settings.browser.keep_session` has it.
        encrypted: `{cookies, storage}` as JSON, bound to the organization and this row.
        cookies, sites: how many it holds.
        execution_id: the one that saved it last.
        used_at: when an execution last began or ended with it.
    """

    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    name = models.CharField(max_length=64)
    encrypted = models.TextField(blank=True, default="")
    cookies = models.PositiveIntegerField(default=0)
    sites = models.PositiveIntegerField(default=0)
    size_bytes = models.PositiveIntegerField(default=0)
    execution_id = models.UUIDField(null=True, editable=False)
    saved_at = models.DateTimeField(db_default=Now(), editable=False)
    used_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "workflow", "name"], name="kept_session_once"
            )
        ]
        indexes = [models.Index(fields=["used_at"], name="kept_session_by_use")]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """What the encrypted content is bound to."""
        return f"{self.organization_id}:browser:{self.id}"
