"""New users: by themselves where that is open, else by invitation."""

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts import credentials
from apps.accounts.models import Organization, User
from apps.accounts.services.invitations import invitation_locked, invitation_use
from apps.accounts.services.organizations import organization_create
from apps.accounts.services.signing_in import TokenPair, sign_in_start
from apps.core import tenancy
from apps.core.errors import Conflict, Forbidden, Invalid


@dataclass(frozen=True)
class Registered:
    """A user who has just come in, with tokens for the organization."""

    user: User
    organization: Organization
    tokens: TokenPair


def _user_create(email: str, password: str, name: str) -> User:
    address = credentials.normalized_email(email)
    user = User(email=address, name=name)
    user.password = credentials.new_password(password, user)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            "There is an account with this e-mail address. Sign in instead.",
            code="account_exists",
        ) from error
    return user


def _came_in(user: User, organization: Organization, address: str | None) -> Registered:
    pair = sign_in_start(user, organization_id=organization.id, address=address)
    return Registered(user, organization, pair)


def register(
    *,
    email: str,
    password: str,
    name: str = "",
    organization: str | None = None,
    invitation: str | None = None,
    address: str | None = None,
) -> Registered:
    """A new user who owns a new organization, or joins the inviting one.

    Args:
        organization: name of the new organization; made from the e-mail otherwise.
        invitation: token of an invitation; then no organization is made.

    Raises:
        Forbidden: registration is by invitation only.
        Conflict: the e-mail address is taken.
        Invalid: unusable e-mail address or password.
        NotFound: the invitation is not valid.
    """
    if invitation is not None:
        return invitation_accept(
            token=invitation,
            email=email,
            password=password,
            name=name,
            user=None,
            address=address,
        )
    if settings.REGISTRATION != "open":
        raise Forbidden(
            "Registration is by invitation only.", code="registration_closed"
        )
    with tenancy.system():
        user = _user_create(email, password, name)
        title = organization or f"{user.email.partition('@')[0]}'s organization"
        made = organization_create(name=title[:200], owner=user, address=address)
        return _came_in(user, made, address)


def invitation_accept(
    *,
    token: str,
    email: str | None,
    password: str | None,
    name: str,
    user: User | None,
    address: str | None,
) -> Registered:
    """Membership for a signed-in user, or for a new one with a password.

    Args:
        user: who is signed in; None makes a new user.

    Raises:
        NotFound: the invitation is not valid.
        Forbidden: it is for another address.
        Conflict: the account exists (sign in first), or is a member already.
        Invalid: unusable password.
    """
    with tenancy.system():
        invitation = invitation_locked(token)
        wanted = credentials.normalized_email(email or invitation.email)
        if wanted != invitation.email:
            raise Forbidden(
                "The invitation is for another e-mail address.",
                code="invitation_email",
            )
        if user is None:
            if password is None:
                message = "is required for a new account"
                raise Invalid(errors=[{"path": "password", "message": message}])
            user = _user_create(wanted, password, name)
        invitation_use(invitation, user=user, address=address)
        return _came_in(user, invitation.organization, address)
