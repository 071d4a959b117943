"""API keys: made by admins, shown once, taken back at any time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import ApiKey
from apps.accounts.roles import Role, Scope, rank
from apps.accounts.services.trail import audit
from apps.accounts.viewer import Viewer
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.types import JsonObject


@dataclass(frozen=True)
class NewApiKey:
    """A new key with the secret that is shown this one time."""

    api_key: ApiKey
    key: str


def _facts(key: ApiKey) -> JsonObject:
    return {
        "name": key.name,
        "role": key.role,
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(errors=[{"path": "expires_at", "message": "must be to come"}])


def _check_rights(viewer: Viewer, role: str) -> None:
    viewer.require(Role.ADMIN)
    viewer.require_user()
    if rank(role) > min(viewer.rank, rank(Role.ADMIN)):
        raise Forbidden("A key cannot have this role.", code="role_too_low")


def api_key_create(
    *,
    viewer: Viewer,
    name: str,
    role: str = Role.EDITOR,
    scopes: Sequence[str] = (Scope.READ, Scope.EXECUTE),
    expires_at: datetime | None = None,
) -> NewApiKey:
    """A key for the viewer's organization.

    Raises:
        Forbidden: the role is above the viewer's, or an API key asks.
        Invalid: it would have expired already.
    """
    _check_rights(viewer, role)
    _check_expiry(expires_at)
    key = tokens.random_token(tokens.API_KEY_PREFIX)
    made = ApiKey.objects.create(
        organization_id=viewer.organization_id,
        name=name,
        prefix=key[: tokens.SHOWN_LENGTH],
        key_hash=tokens.hashed(key),
        role=role,
        scopes=sorted(set(scopes)),
        created_by=viewer.user,
        expires_at=expires_at,
    )
    audit(
        viewer=viewer,
        action="api_key.create",
        target_type="api_key",
        target_id=made.id,
        after=_facts(made),
    )
    return NewApiKey(made, key)


def _locked(viewer: Viewer, key_id: uuid.UUID) -> ApiKey:
    found = (
        ApiKey.objects.select_for_update()
        .filter(id=key_id, organization_id=viewer.organization_id, revoked_at=None)
        .first()
    )
    if found is None:
        raise NotFound("There is no such API key.")
    return found


def api_key_update(*, viewer: Viewer, key_id: uuid.UUID, changes: JsonObject) -> ApiKey:
    """Change name, scopes or expiry (`changes`) of a key.

    Raises:
        NotFound: no such key, or it was revoked.
        Forbidden: the key may more than the viewer.
        Invalid: it would have expired already.
    """
    key = _locked(viewer, key_id)
    _check_rights(viewer, key.role)
    before = _facts(key)
    if "expires_at" in changes:
        _check_expiry(changes["expires_at"])
        key.expires_at = changes["expires_at"]
    key.name = changes.get("name", key.name)
    key.scopes = sorted(set(changes.get("scopes", key.scopes)))
    key.save(update_fields=["name", "scopes", "expires_at"])
    audit(
        viewer=viewer,
        action="api_key.update",
        target_type="api_key",
        target_id=key.id,
        before=before,
        after=_facts(key),
    )
    return key


def api_key_revoke(*, viewer: Viewer, key_id: uuid.UUID) -> None:
    """End a key at once.

    Raises:
        NotFound: no such key, or it was revoked already.
    """
    viewer.require(Role.ADMIN)
    key = _locked(viewer, key_id)
    ApiKey.objects.filter(id=key.id).update(revoked_at=Now())
    audit(
        viewer=viewer,
        action="api_key.revoke",
        target_type="api_key",
        target_id=key.id,
        before=_facts(key),
    )
