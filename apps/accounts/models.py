"""Users, organizations and what gives people and programs access to them."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.roles import Role
from apps.core.models import BaseModel


def _between(least: int, most: int) -> list[Any]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail address in any case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        """An operator of the platform, for Django's `createsuperuser`."""
        user = self.model(email=email.strip().lower(), **fields)
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin, BaseModel):
    """A person who signs in by e-mail address; stands outside organizations.

    `session_version` grows when all earlier sign-ins must end. New tokens are for
    `recent_organization` while the user is a member of it.
    """

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    session_version = models.PositiveIntegerField(default=1, editable=False)
    recent_organization = models.UUIDField(null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            # With the unique column: one account for an address in any case.
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="accounts_user_email_lower"
            ),
        ]

    def __str__(self) -> str:
        return self.email


class Organization(BaseModel):
    """A tenant: whose rows they are, and who may see them.

    Attributes:
        max_concurrent: executions of it that run at a time; None: as many as
            workers carry.
        keep_completed_days, keep_failed_days: how long ended executions are kept,
            where their workflow does not say; 0: for ever; None: as the
            installation does.
        keep_last: the newest ended executions of each workflow that are kept
            however old they are.
    """

    MOST_CONCURRENT: ClassVar[int] = 10_000
    MOST_DAYS: ClassVar[int] = 36_500
    MOST_KEPT: ClassVar[int] = 10_000

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=63, unique=True)
    max_concurrent = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(1, MOST_CONCURRENT)
    )
    keep_completed_days = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(0, MOST_DAYS)
    )
    keep_failed_days = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(0, MOST_DAYS)
    )
    keep_last = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(0, MOST_KEPT)
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_concurrent=None) | Q(max_concurrent__gte=1),
                name="accounts_organization_limit",
            ),
            # What is larger would leave the range of times, and stop the pruner.
            models.CheckConstraint(
                condition=(
                    (Q(keep_completed_days=None) | Q(keep_completed_days__lte=36_500))
                    & (Q(keep_failed_days=None) | Q(keep_failed_days__lte=36_500))
                    & (Q(keep_last=None) | Q(keep_last__lte=10_000))
                ),
                name="accounts_organization_retention",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OwnedModel(BaseModel):
    """A row of one organization, joined to it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)

    class Meta:
        abstract = True


def _role_check(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(role__in=Role.values), name=name)


class Membership(OwnedModel):
    """What one user may do in one organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="accounts_membership_once"
            ),
            _role_check("accounts_membership_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Invitation(OwnedModel):
    """An offer of membership to an address: open → accepted | revoked | expired."""

    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [_role_check("accounts_invitation_role")]

    def __str__(self) -> str:
        return self.email


class SignIn(BaseModel):
    """One sign-in of a user, and the family of refresh tokens that goes on with it.

    Only the token with the number `counter` is current; `rotations` are the times
    at which the last ones were exchanged, newest first. Tokens are derived from
    the row's key and their number, so none is stored.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    session_version = models.PositiveIntegerField()
    counter = models.PositiveIntegerField(default=0)
    rotations = ArrayField(models.DateTimeField(), default=list, blank=True)
    address = models.GenericIPAddressField(null=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="accounts_signin_expiry")]

    def __str__(self) -> str:
        return str(self.id)


class SignInFailures(models.Model):
    """Wrong passwords for one address and e-mail; its lock makes counting exact."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["since"], name="accounts_failures_since")]

    def __str__(self) -> str:
        return self.key


class ApiKey(OwnedModel):
    """A program's access to one organization; the key itself is not stored."""

    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=16, choices=Role.choices)
    scopes = ArrayField(models.CharField(max_length=16))
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    last_used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [_role_check("accounts_apikey_role")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEntry(OwnedModel):
    """Who changed what, when and how; kept when those it names are gone."""

    user_id = models.UUIDField(null=True, editable=False)
    api_key_id = models.UUIDField(null=True, editable=False)
    action = models.CharField(max_length=100)
    target_type = models.CharField(max_length=50)
    target_id = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(
                fields=["organization", "target_type", "target_id"],
                name="accounts_audit_target",
            ),
            models.Index(
                fields=["organization", "-created_at"], name="accounts_audit_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type}"
