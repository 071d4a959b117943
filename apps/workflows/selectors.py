"""Reads of workflows, versions and secrets: what the viewer may see."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any

from django.db.models import Count, Func, Q, QuerySet, TextField

from apps.accounts.viewer import Viewer
from apps.core.errors import NotFound
from apps.workflows.definition.model import Definition
from apps.workflows.definition.parser import parse
from apps.workflows.models import KeptSession, Secret, Workflow, WorkflowVersion
from apps.workflows.secret_values import SecretValues

_CACHED_DEFINITIONS = 256
_READ_FOR_TAGS = 10_000
_parsed: OrderedDict[uuid.UUID, Definition] = OrderedDict()
_parsed_lock = Lock()


class _Each(Func):
    """One row for each text of a list."""

    function = "jsonb_array_elements_text"
    output_field = TextField()
    set_returning = True


def workflow_list(
    *,
    viewer: Viewer,
    search: str = "",
    tag: str = "",
    archived: bool | None = False,
) -> QuerySet[Workflow]:
    """The organization's workflows.

    Args:
        search: part of the name or description.
        archived: only those that are, only those that are not, or None for both.
    """
    found = Workflow.objects.filter(organization_id=viewer.organization_id)
    found = found.select_related("current_version").defer(
        "current_version__document_text", "current_version__source"
    )
    if search:
        found = found.filter(
            Q(name__icontains=search) | Q(description__icontains=search)
        )
    if tag:
        found = found.filter(tags__contains=[tag])
    if archived is not None:
        found = found.filter(archived_at__isnull=not archived)
    return found


def tag_list(*, viewer: Viewer, archived: bool = False) -> QuerySet[Any, str]:
    """The tags of the workflows that changed last, those of most workflows first."""
    rows = workflow_list(viewer=viewer, archived=archived).order_by("-updated_at")
    read = Workflow.objects.filter(id__in=rows.values("id")[:_READ_FOR_TAGS])
    tags = read.annotate(tag=_Each("tags")).values("tag")
    counted = tags.annotate(count=Count("id")).order_by("-count", "tag")
    return counted.values_list("tag", flat=True)


def workflow_get(*, viewer: Viewer, workflow_id: uuid.UUID | str) -> Workflow:
    """One workflow, archived or not.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    found = Workflow.objects.filter(organization_id=viewer.organization_id)
    found = found.select_related("current_version").filter(id=workflow_id)
    workflow = found.first()
    if workflow is None:
        raise NotFound("The workflow does not exist.")
    return workflow


def workflow_find(*, organization_id: uuid.UUID, reference: str) -> Workflow:
    """The workflow in use that has this id or name.

    Raises:
        NotFound: there is none.
    """
    found = Workflow.objects.filter(
        organization_id=organization_id, archived_at__isnull=True
    ).select_related("current_version")
    try:
        workflow = found.filter(id=uuid.UUID(reference)).first()
    except ValueError:
        workflow = found.filter(name=reference).first()
    if workflow is None:
        raise NotFound("The workflow does not exist.")
    return workflow


def workflow_names(*, organization_id: uuid.UUID, ids: Iterable[str]) -> dict[str, str]:
    """The names of these workflows of an organization, by id."""
    found = Workflow.objects.filter(organization_id=organization_id, id__in=list(ids))
    return {str(id_): name for id_, name in found.values_list("id", "name")}


def version_list(*, workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """All versions of a workflow, without their documents."""
    found = WorkflowVersion.objects.filter(workflow=workflow)
    return found.defer("document_text", "source")


def version_get(*, workflow: Workflow, number: int) -> WorkflowVersion:
    """One version.

    Raises:
        NotFound: the workflow has no version of that number.
    """
    found = WorkflowVersion.objects.filter(workflow=workflow, number=number).first()
    if found is None:
        raise NotFound("The workflow has no such version.")
    return found


def definition(version: WorkflowVersion) -> Definition:
    """What a version means; parsed once in a process while it is in use.

    Raises:
        Invalid: the document is not valid any more, as when a step type is gone.
    """
    return _known(version.id) or _keep(version.id, parse(version.document))


def definition_of(version_id: uuid.UUID) -> Definition:
    """What the version of this id means, for callers who may see the version.

    Raises:
        NotFound: there is none.
        Invalid: as for `definition`.
    """
    known = _known(version_id)
    if known is not None:
        return known
    version = WorkflowVersion.objects.filter(id=version_id).first()
    if version is None:
        raise NotFound("The workflow has no such version.")
    return _keep(version_id, parse(version.document))


def definition_in_memory(version_id: uuid.UUID) -> Definition | None:
    """What the version means, if this process knows it already: without a query."""
    return _known(version_id)


def _known(version_id: uuid.UUID) -> Definition | None:
    with _parsed_lock:
        if version_id in _parsed:
            _parsed.move_to_end(version_id)
        return _parsed.get(version_id)


def _keep(version_id: uuid.UUID, made: Definition) -> Definition:
    """The definition, or the equal one that another thread kept meanwhile."""
    with _parsed_lock:
        kept = _parsed.setdefault(version_id, made)
        while len(_parsed) > _CACHED_DEFINITIONS:
            _parsed.popitem(last=False)
        return kept


def kept_session_list(*, workflow: Workflow) -> QuerySet[KeptSession]:
    """What browsers of a workflow left for its next executions, without content."""
    return KeptSession.objects.filter(workflow=workflow).defer("encrypted")


def kept_session_get(*, workflow: Workflow, name: str) -> KeptSession:
    """The kept session of this name.

    Raises:
        NotFound: there is none.
    """
    found = kept_session_list(workflow=workflow).filter(name=name).first()
    if found is None:
        raise NotFound("The workflow has no kept session of that name.")
    return found


def secret_list(*, viewer: Viewer, search: str = "") -> QuerySet[Secret]:
    """The organization's secrets, without their values."""
    found = Secret.objects.filter(organization_id=viewer.organization_id)
    found = found.defer("encrypted")
    return found.filter(name__icontains=search) if search else found


def secret_get(*, viewer: Viewer, reference: str) -> Secret:
    """The secret of this name or id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    found = Secret.objects.filter(organization_id=viewer.organization_id)
    try:
        secret = found.filter(id=uuid.UUID(reference)).first()
    except ValueError:
        secret = found.filter(name=reference).first()
    if secret is None:
        raise NotFound("The secret does not exist.")
    return secret


def secrets_for(organization_id: uuid.UUID) -> SecretValues:
    """The organization's secrets for an execution; each is opened when it is used."""
    return SecretValues(organization_id)
