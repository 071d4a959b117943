"""What users change about themselves."""

import uuid

from django.db.models.functions import Now

from apps.accounts import credentials, tokens
from apps.accounts.models import SignIn, User
from apps.accounts.services.trail import audit
from apps.accounts.viewer import NO_ORGANIZATION, Viewer
from apps.core.errors import Invalid
from apps.core.types import JsonObject

# The viewer came without an access token, so all sign-ins end.
NO_SIGN_IN = uuid.UUID(int=0)


def profile_update(
    *,
    viewer: Viewer,
    name: str | None = None,
    password: str | None = None,
    current_password: str | None = None,
) -> tuple[User, str | None]:
    """The user with the new name or password.

    A new password ends all other sign-ins of the user at once, and also the
    access tokens of this one: the second value is a new one.

    Raises:
        Invalid: the current password is wrong or the new one unusable.
    """
    user = User.objects.select_for_update().get(id=viewer.require_user().id)
    access = None
    if name is not None and name != user.name:
        before, user.name = user.name, name
        user.save(update_fields=["name"])
        _audit(viewer, user, "user.update", {"name": before}, {"name": name})
    if password is not None:
        access = _password_change(viewer, user, password, current_password or "")
    return user, access


def _password_change(viewer: Viewer, user: User, password: str, current: str) -> str:
    if not credentials.is_password_of(user, current):
        message = "is not your current password"
        raise Invalid(errors=[{"path": "current_password", "message": message}])
    user.password = credentials.new_password(password, user)
    user.session_version += 1
    user.save(update_fields=["password", "session_version"])
    own = viewer.sign_in_id or NO_SIGN_IN
    sign_ins = SignIn.objects.filter(user=user, revoked_at=None)
    sign_ins.exclude(id=own).update(
        revoked_at=Now(), revoked_because="password_changed"
    )
    sign_ins.filter(id=own).update(session_version=user.session_version)
    _audit(viewer, user, "user.password", None, None)
    kept = SignIn(id=own, user=user)
    place = viewer.organization_id
    return tokens.access_token(user, kept, place if place != NO_ORGANIZATION else None)


def _audit(
    viewer: Viewer,
    user: User,
    action: str,
    before: JsonObject | None,
    after: JsonObject | None,
) -> None:
    if viewer.organization_id == NO_ORGANIZATION:
        return  # the trail belongs to organizations
    audit(
        viewer=viewer,
        action=action,
        target_type="user",
        target_id=user.id,
        before=before,
        after=after,
    )
