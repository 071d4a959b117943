"""Permission classes: which role a view asks for."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.accounts.roles import Role
from apps.core.errors import Forbidden

# What signed-in people may do even as members of no organization.
ANYONE = "anyone"
_SAME_AS = {"head": "get", "options": "get", "metadata": "list"}


def required_role(view: Any, method: str) -> str | None:
    """The role that `view` asks for in this request, None when it declares none.

    `required_roles` maps actions (`create`) or methods (`post`) to roles;
    `required_role` holds for all others.
    """
    roles: dict[str, str] = getattr(view, "required_roles", {})
    names = [getattr(view, "action", None), method.lower()]
    names += [_SAME_AS.get(name or "") for name in tuple(names)]
    for name in names:
        if name in roles:
            return roles[name]
    return getattr(view, "required_role", None)


class RoleRequired(BasePermission):
    """Lets in those whose role and scopes suffice; denies where none is declared."""

    def has_permission(self, request: Request, view: Any) -> bool:
        viewer: Any = request.auth
        if viewer is None:
            return False
        role = required_role(view, request.method or "")
        if role is None:
            raise Forbidden("This endpoint declares no role.")
        if role == ANYONE:
            viewer.require_user()
            return True
        viewer.require(Role(role))
        return True
