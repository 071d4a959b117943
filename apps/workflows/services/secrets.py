"""Writes to secrets. Values go in and never come out of here."""

import re
import uuid
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.crypto import encrypt
from apps.core.errors import Conflict, Invalid
from apps.core.types import JsonObject
from apps.workflows.models import Secret

EDITOR = "editor"
LONGEST_VALUE_BYTES = 64 * 1024
# Shorter values stand in too many texts to be masked wherever they appear.
SHORTEST_MASKED = 8
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


@transaction.atomic
def secret_create(
    *, by: Viewer, name: str, value: str, description: str = ""
) -> Secret:
    """A new secret of the viewer's organization.

    Raises:
        Invalid: the name or the value is not acceptable.
        Conflict: there is a secret of that name.
    """
    by.require(EDITOR)
    _check_name(name)
    _check_value(value)
    secret = Secret(
        organization_id=by.organization_id,
        name=name,
        description=description,
        created_by=by.user_id,
    )
    secret.encrypted = encrypt(value, owner=secret.owner)
    try:
        with transaction.atomic():
            secret.save(force_insert=True)
    except IntegrityError as error:
        if "secret_name_unique" not in str(error):
            raise
        message = f'A secret named "{name}" exists already.'
        raise Conflict(message, code="name_taken") from error
    secret.refresh_from_db()
    _audit(secret, by, "create", None, _facts(secret))
    return secret


@transaction.atomic
def secret_update(
    *,
    secret: Secret,
    by: Viewer,
    value: str | None = None,
    description: str | None = None,
) -> Secret:
    """Give a secret another value or description; its name stays.

    Raises:
        Invalid: the value is not acceptable.
    """
    by.require(EDITOR)
    before = _facts(secret)
    if value is not None:
        _check_value(value)
        secret.encrypted = encrypt(value, owner=secret.owner)
    if description is not None:
        secret.description = description
    secret.save(update_fields=["encrypted", "description"])
    Secret.objects.filter(id=secret.id).update(updated_at=Now())
    secret.refresh_from_db()
    after = {**_facts(secret), "value_changed": value is not None}
    _audit(secret, by, "update", before, after)
    return secret


@transaction.atomic
def secret_delete(*, secret: Secret, by: Viewer) -> None:
    """Remove a secret; workflows that name it fail when they reach it."""
    by.require(EDITOR)
    _audit(secret, by, "delete", _facts(secret), None)
    secret.delete()


def secrets_mark_used(organization_id: uuid.UUID, names: Iterable[str]) -> None:
    """Note that an execution used these secrets now."""
    used = Secret.objects.filter(organization_id=organization_id, name__in=list(names))
    used.update(last_used_at=Now())


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        text = "must be a-z, 0-9 and _, up to 64, and begin with a letter"
        raise Invalid(errors=[{"path": "name", "message": text}])


def _check_value(value: str) -> None:
    if not 1 <= len(value.encode()) <= LONGEST_VALUE_BYTES:
        text = f"must have 1 to {LONGEST_VALUE_BYTES} bytes"
        raise Invalid(errors=[{"path": "value", "message": text}])


def _facts(secret: Secret) -> JsonObject:
    return {"name": secret.name, "description": secret.description}


def _audit(
    secret: Secret,
    by: Viewer,
    change: str,
    before: JsonObject | None,
    after: JsonObject | None,
) -> None:
    audit(
        viewer=by,
        action=f"secret.{change}",
        target_type="secret",
        target_id=secret.id,
        before=before,
        after=after,
    )
