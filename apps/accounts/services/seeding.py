"""The first user of an installation."""

from apps.accounts import credentials
from apps.accounts.models import Membership, User
from apps.accounts.services.organizations import organization_create
from apps.core import tenancy


def seed(*, email: str, password: str, organization: str) -> bool:
    """Make the operator and the first organization; True when the user is new.

    An account that exists keeps its password; what it lacks is added.

    Raises:
        Invalid: unusable e-mail address or password.
    """
    address = credentials.normalized_email(email)
    with tenancy.system():
        user = User.objects.filter(email=address).first()
        is_new = user is None
        if user is None:
            user = User(email=address, is_staff=True, is_superuser=True)
            user.password = credentials.new_password(password, user)
            user.save(force_insert=True)
        if not Membership.objects.filter(user=user).exists():
            organization_create(name=organization, owner=user)
    return is_new
