"""The five roles of an organization, and what API keys may be limited to."""

from django.db import models


class Role(models.TextChoices):
    """From most to least: each may all that those after it may."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Scope(models.TextChoices):
    """What an API key may do, within its role."""

    READ = "read"
    EXECUTE = "execute"
    WRITE = "write"
    ADMIN = "admin"


_RANKS = {role: rank for rank, role in enumerate(reversed(Role.values), start=1)}
_SCOPES = {
    Role.VIEWER: Scope.READ,
    Role.OPERATOR: Scope.EXECUTE,
    Role.EDITOR: Scope.WRITE,
    Role.ADMIN: Scope.ADMIN,
    Role.OWNER: Scope.ADMIN,
}


def rank(role: str) -> int:
    """How much a role may: 5 for owners, 1 for viewers, 0 for no role."""
    return _RANKS.get(role, 0)


def scope_for(role: str) -> str:
    """The scope that an API key needs for what asks for `role`."""
    return str(_SCOPES[Role(role)])
