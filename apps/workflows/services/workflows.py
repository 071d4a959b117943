"""Writes to workflows and their versions."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, ProtectedError, RestrictedError
from django.db.models.functions import Now

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.ids import uuid7
from apps.core.types import JsonObject
from apps.events.services import emit
from apps.workflows.definition.model import Definition
from apps.workflows.definition.parser import parse
from apps.workflows.definition.source import kept_source
from apps.workflows.definition.yaml_io import export
from apps.workflows.models import Workflow, WorkflowVersion
from apps.workflows.services.calls import check_calls

EDITOR = "editor"
LONGEST_NAME = 200


@transaction.atomic
def workflow_create(
    *,
    by: Viewer,
    document: object,
    name: str | None = None,
    comment: str = "",
    source: str = "",
) -> Workflow:
    """A new workflow whose first version is `document`.

    Args:
        name: takes the place of the document's own name.
        source: the YAML text that the document was read from.

    Raises:
        Invalid: the document is not valid, or has no name.
        Conflict: another workflow has the name.
    """
    by.require(EDITOR)
    definition = _parse(_titled(document, name=name))
    _check_name_is_free(by.organization_id, definition.name)
    workflow = Workflow(
        id=uuid7(),
        organization_id=by.organization_id,
        created_by=by.user_id,
        current_version_id=uuid7(),
    )
    check_calls(
        workflow_id=workflow.id, name=definition.name, document=definition.document
    )
    _copy_title(workflow, definition)
    with _unique_name(definition.name):
        workflow.save(force_insert=True)
    source = kept_source(source, definition.document)
    _write_version(
        workflow, definition, number=1, by=by, comment=comment, source=source
    )
    return _told(workflow, by, "create")


@transaction.atomic
def workflow_update(
    *,
    workflow: Workflow,
    by: Viewer,
    document: object | None = None,
    comment: str = "",
    expected_version: int | None = None,
    source: str = "",
    **title: Any,
) -> Workflow:
    """Save a changed workflow as a new version; without a change there is none.

    Args:
        source: the YAML text that the document was read from.
        expected_version: the version the change was made on, when that matters.
        title: `name`, `description` or `tags`, written into the document.

    Raises:
        Invalid: the document is not valid.
        Conflict: it is archived, was changed meanwhile, or the name is taken.
    """
    by.require(EDITOR)
    workflow = _locked(workflow)
    current = workflow.current_version
    if workflow.is_archived:
        raise Conflict("The workflow is archived.", code="archived")
    if expected_version not in (None, current.number):
        raise Conflict(
            f"The workflow was changed meanwhile: it is at version {current.number}.",
            code="version_conflict",
            current_version=current.number,
        )
    changed = current.document if document is None else document
    source = current.source if document is None else source
    title.setdefault("name", _own_name(changed) or workflow.name)
    definition = _parse(_titled(changed, **title))
    source = kept_source(source, definition.document)
    return _save(workflow, definition, by=by, comment=comment, source=source)


def workflow_restore(
    *, workflow: Workflow, version: WorkflowVersion, by: Viewer
) -> Workflow:
    """Make an older version's document the current one, as a new version.

    The workflow keeps its present name.

    Raises:
        Invalid: the document is not valid any more (a step type is gone).
        Conflict: the workflow is archived.
    """
    return workflow_update(
        workflow=workflow,
        by=by,
        document=version.document,
        source=version.source,
        name=workflow.name,
        comment=f"Restored from version {version.number}",
    )


@transaction.atomic
def workflow_import(
    *, by: Viewer, document: object, replace: bool = False, source: str = ""
) -> tuple[Workflow, bool]:
    """A workflow from an exported document, and whether it is a new one.

    Args:
        source: the YAML text that the document was read from.
        replace: make it a new version of the workflow that has its name.
    """
    by.require(EDITOR)
    name = _own_name(document)
    found = Workflow.objects.filter(name=name, archived_at__isnull=True).first()
    if replace and name and found is not None:
        comment = "Imported"
        changed = workflow_update(
            workflow=found, by=by, document=document, comment=comment, source=source
        )
        return changed, False
    made = workflow_create(by=by, document=document, comment="Imported", source=source)
    return made, True


@transaction.atomic
def workflow_duplicate(
    *, workflow: Workflow, by: Viewer, name: str | None = None
) -> Workflow:
    """A new workflow with the same document, called `<name> (copy)` unless named."""
    return workflow_create(
        by=by,
        document=workflow.current_version.document,
        source=workflow.current_version.source,
        name=name or _copy_name(workflow.name),
        comment=f"Copied from {workflow.name}",
    )


@transaction.atomic
def workflow_archive(*, workflow: Workflow, by: Viewer) -> Workflow:
    """Take a workflow out of use; nothing happens to one that is archived already."""
    by.require(EDITOR)
    workflow = _locked(workflow)
    if workflow.is_archived:
        return workflow
    Workflow.objects.filter(id=workflow.id).update(archived_at=Now(), updated_at=Now())
    workflow.refresh_from_db()
    return _told(workflow, by, "archive")


@transaction.atomic
def workflow_unarchive(*, workflow: Workflow, by: Viewer) -> Workflow:
    """Bring an archived workflow back.

    Raises:
        Conflict: its name was given to another workflow.
    """
    by.require(EDITOR)
    workflow = _locked(workflow)
    if not workflow.is_archived:
        return workflow
    _check_name_is_free(workflow.organization_id, workflow.name)
    with _unique_name(workflow.name):
        Workflow.objects.filter(id=workflow.id).update(
            archived_at=None, updated_at=Now()
        )
    workflow.refresh_from_db()
    return _told(workflow, by, "unarchive")


@transaction.atomic
def workflow_delete(*, workflow: Workflow, by: Viewer) -> None:
    """Remove a workflow with its versions.

    Raises:
        Conflict: it has been executed, so that records refer to it.
    """
    by.require(EDITOR)
    workflow = _locked(workflow)
    _told(workflow, by, "delete")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            workflow.delete()
            # Deferred constraints speak now and not at the commit.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except (IntegrityError, ProtectedError, RestrictedError) as error:
        raise Conflict(
            "The workflow has been used; archive it instead.", code="in_use"
        ) from error


def _save(
    workflow: Workflow, definition: Definition, *, by: Viewer, comment: str, source: str
) -> Workflow:
    before, current = _facts(workflow), workflow.current_version
    if _digest(_text(definition.document)) == current.digest:
        # A changed comment of the author is a change too; an export has none.
        plain = export(definition.document, "yaml")
        if source in ("", current.source, plain):
            return workflow
    if definition.name != workflow.name:
        _check_name_is_free(workflow.organization_id, definition.name)
    check_calls(
        workflow_id=workflow.id, name=definition.name, document=definition.document
    )
    last = workflow.versions.aggregate(last=Max("number"))["last"]
    version = _write_version(
        workflow, definition, number=last + 1, by=by, comment=comment, source=source
    )
    workflow.current_version = version
    _copy_title(workflow, definition)
    with _unique_name(definition.name):
        workflow.save()
    Workflow.objects.filter(id=workflow.id).update(updated_at=Now())
    workflow.refresh_from_db(fields=["updated_at"])
    return _told(workflow, by, "update", before=before)


def _parse(document: object) -> Definition:
    definition = parse(document)
    if not definition.name.strip():
        error: dict[str, object] = {"path": "name", "message": "is required"}
        raise Invalid(
            "The definition is not valid.", [error], code="invalid_definition"
        )
    return definition


def _own_name(document: object) -> str | None:
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) else None


def _titled(document: object, **title: Any) -> object:
    """The document with these keys set; a new name stands before all but the schema."""
    if not isinstance(document, dict):
        return document
    given = {key: value for key, value in title.items() if value is not None}
    first = {key: document[key] for key in ("schema",) if key in document}
    if "name" in given:
        first["name"] = given["name"]
    if "name" in document:
        first = {}
    return {**first, **document, **given}


def _copy_title(workflow: Workflow, definition: Definition) -> None:
    workflow.name = definition.name
    workflow.description = definition.document.get("description", "")
    workflow.tags = definition.document.get("tags", [])


def _write_version(
    workflow: Workflow,
    definition: Definition,
    *,
    number: int,
    by: Viewer,
    comment: str,
    source: str,
) -> WorkflowVersion:
    text = _text(definition.document)
    return WorkflowVersion.objects.create(
        id=workflow.current_version_id if number == 1 else uuid7(),
        organization_id=workflow.organization_id,
        workflow=workflow,
        number=number,
        document_text=text,
        digest=_digest(text),
        source=source,
        comment=comment,
        created_by=by.user_id,
    )


def _text(document: JsonObject) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _locked(workflow: Workflow) -> Workflow:
    """The row as it stands now, held until the transaction ends.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    # Without a join: PostgreSQL checks it again with the old version's row when it
    # had to wait for the lock, and would then find no workflow at all.
    row = Workflow.objects.select_for_update().filter(id=workflow.id).first()
    if row is None:
        raise NotFound("The workflow does not exist.")
    return row


def _name_taken(name: str) -> Conflict:
    return Conflict(f'A workflow named "{name}" exists already.', code="name_taken")


def _check_name_is_free(organization_id: uuid.UUID, name: str) -> None:
    taken = Workflow.objects.filter(organization_id=organization_id, name=name)
    if taken.filter(archived_at__isnull=True).exists():
        raise _name_taken(name)


@contextmanager
def _unique_name(name: str) -> Iterator[None]:
    """Turns the loser of a race for a name into a conflict."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "workflow_name_unique" not in str(error):
            raise
        raise _name_taken(name) from error


def _copy_name(name: str) -> str:
    taken = set(Workflow.objects.filter(archived_at__isnull=True).values_list("name"))
    for number in range(1, len(taken) + 2):
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        made = name[: LONGEST_NAME - len(suffix)] + suffix
        if (made,) not in taken:
            break
    return made


def _facts(workflow: Workflow) -> JsonObject:
    return {
        "name": workflow.name,
        "version": workflow.current_version.number,
        "archived": workflow.is_archived,
    }


def _told(
    workflow: Workflow, by: Viewer, change: str, *, before: JsonObject | None = None
) -> Workflow:
    """Write the audit trail and the event of a change."""
    after = None if change == "delete" else _facts(workflow)
    audit(
        viewer=by,
        action=f"workflow.{change}",
        target_type="workflow",
        target_id=workflow.id,
        before=_facts(workflow) if change == "delete" else before,
        after=after,
    )
    emit(
        "workflow-changed",
        organization_id=workflow.organization_id,
        workflow_id=workflow.id,
        user_id=by.user_id,
        payload={"change": change, **_facts(workflow)},
    )
    return workflow
