"""Who asks: the one argument that selectors and services take about rights."""

import uuid
from dataclasses import dataclass, field

from apps.accounts.models import User
from apps.accounts.roles import Role, rank, scope_for
from apps.core.errors import Forbidden

# The organization of a user who is a member of none: it has no rows.
NO_ORGANIZATION = uuid.UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A user, an API key or the platform itself, acting in one organization.

    Attributes:
        user: who signed in; None for API keys and the platform.
        role: the role in the organization; empty for no member.
        scopes: what an API key is limited to; without a meaning for users.
        address: the network address that the request came from.
        sign_in_id: the sign-in that the request's token came from.
    """

    organization_id: uuid.UUID
    role: str
    user: User | None = None
    api_key_id: uuid.UUID | None = None
    scopes: frozenset[str] = field(default=frozenset())
    address: str | None = None
    sign_in_id: uuid.UUID | None = None

    @classmethod
    def platform(cls, organization_id: uuid.UUID) -> "Viewer":
        """The platform's own work for an organization: schedules, webhooks."""
        return cls(organization_id=organization_id, role=Role.OWNER)

    @property
    def user_id(self) -> uuid.UUID | None:
        """The user's key, None when no person asks."""
        return self.user.id if self.user else None

    @property
    def rank(self) -> int:
        """How much the role may: 5 for owners, 1 for viewers, 0 for no member."""
        return rank(self.role)

    def may(self, role: str) -> bool:
        """Whether the viewer may do what asks for `role`."""
        if self.rank < rank(Role(role)):
            return False
        return self.api_key_id is None or scope_for(role) in self.scopes

    def require(self, role: str) -> None:
        """Go on only when the viewer may do what asks for `role`.

        Raises:
            Forbidden: the role is too low, or the API key's scopes lack it.
        """
        if self.rank < rank(Role(role)):
            raise Forbidden(f"This needs the role {role}.", required_role=role)
        if not self.may(role):
            scope = scope_for(role)
            raise Forbidden(
                f"This API key lacks the scope {scope}.", required_scope=scope
            )

    def require_user(self) -> User:
        """The signed-in user.

        Raises:
            Forbidden: an API key asks for what only people do.
        """
        if self.user is None:
            raise Forbidden("This is for signed-in people, not for API keys.")
        return self.user
