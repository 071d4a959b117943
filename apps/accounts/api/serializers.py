"""What the endpoints of accounts take and give."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    User,
)
from apps.accounts.roles import Role, Scope
from apps.core.api.serializers import FilterSerializer, LineField, StrictSerializer

_NAME, _SECRET, _TOKEN = 200, 100_000, 4_096


def _secret(**options: Any) -> serializers.CharField:
    """A password or token, exactly as it was sent."""
    return serializers.CharField(
        max_length=_SECRET, trim_whitespace=False, write_only=True, **options
    )


class RegisterInput(StrictSerializer):
    email = serializers.CharField(max_length=_SECRET)
    password = _secret()
    name = LineField(max_length=_NAME, required=False, allow_blank=True)
    organization = LineField(max_length=_NAME, required=False)
    invitation = serializers.CharField(max_length=_TOKEN, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "organization" in attrs and "invitation" in attrs:
            message = "has no place beside an invitation, which names one"
            raise serializers.ValidationError({"organization": [message]})
        return attrs


class TokenInput(StrictSerializer):
    email = serializers.CharField(max_length=_SECRET)
    password = _secret()


class RefreshInput(StrictSerializer):
    refresh = _secret()


class AcceptInput(StrictSerializer):
    token = serializers.CharField(max_length=_TOKEN)
    email = serializers.CharField(max_length=_SECRET, required=False)
    password = _secret(required=False)
    name = LineField(max_length=_NAME, required=False, allow_blank=True)


class ProfileInput(StrictSerializer):
    name = LineField(max_length=_NAME, required=False, allow_blank=True)
    password = _secret(required=False)
    current_password = _secret(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "password" in attrs and "current_password" not in attrs:
            message = "is required to change the password"
            raise serializers.ValidationError({"current_password": [message]})
        return attrs


class UserOutput(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "name"]


class OrganizationOutput(serializers.ModelSerializer[Organization]):
    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "created_at"]


class CurrentOrganizationOutput(serializers.ModelSerializer[Organization]):
    class Meta:
        model = Organization
        fields = [
            *OrganizationOutput.Meta.fields,
            "max_concurrent",
            "keep_completed_days",
            "keep_failed_days",
            "keep_last",
        ]


class TokensOutput(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RegisteredOutput(TokensOutput):
    user = UserOutput()
    organization = OrganizationOutput()


class MeOutput(UserOutput):
    role = serializers.CharField()
    organization = OrganizationOutput(allow_null=True)
    access = serializers.CharField(required=False)

    class Meta(UserOutput.Meta):
        fields = [*UserOutput.Meta.fields, "role", "organization", "access"]


class PageTokenOutput(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_in_ms = serializers.IntegerField()


class OrganizationInput(StrictSerializer):
    name = LineField(max_length=_NAME)


def _limit(least: int, most: int) -> serializers.IntegerField:
    """A number in this range, or null for the installation's."""
    return serializers.IntegerField(
        min_value=least, max_value=most, allow_null=True, required=False
    )


class OrganizationChange(StrictSerializer):
    name = LineField(max_length=_NAME, required=False)
    slug = serializers.CharField(max_length=63, min_length=2, required=False)
    max_concurrent = _limit(1, Organization.MOST_CONCURRENT)
    keep_completed_days = _limit(0, Organization.MOST_DAYS)
    keep_failed_days = _limit(0, Organization.MOST_DAYS)
    keep_last = _limit(0, Organization.MOST_KEPT)


class MyOrganizationOutput(serializers.ModelSerializer[Membership]):
    id = serializers.UUIDField(source="organization.id")
    name = serializers.CharField(source="organization.name")
    slug = serializers.CharField(source="organization.slug")
    created_at = serializers.DateTimeField(source="organization.created_at")

    class Meta:
        model = Membership
        fields = ["id", "name", "slug", "role", "created_at"]


class MemberOutput(serializers.ModelSerializer[Membership]):
    user = UserOutput()

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "created_at"]


class MemberChange(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationInput(StrictSerializer):
    email = serializers.CharField(max_length=_SECRET)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)


class InvitationOutput(serializers.ModelSerializer[Invitation]):
    invited_by = UserOutput()

    class Meta:
        model = Invitation
        fields = [
            *("id", "email", "role", "invited_by"),
            *("created_at", "expires_at", "accepted_at"),
        ]


class SentInvitationOutput(InvitationOutput):
    token = serializers.CharField()

    class Meta(InvitationOutput.Meta):
        fields = [*InvitationOutput.Meta.fields, "token"]


class ApiKeyInput(StrictSerializer):
    name = LineField(max_length=_NAME)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.EDITOR)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        default=lambda: [Scope.READ, Scope.EXECUTE],
        min_length=1,
        max_length=len(Scope.choices),
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class ApiKeyChange(StrictSerializer):
    name = LineField(max_length=_NAME, required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        required=False,
        min_length=1,
        max_length=len(Scope.choices),
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class ApiKeyOutput(serializers.ModelSerializer[ApiKey]):
    class Meta:
        model = ApiKey
        fields = [
            *("id", "name", "prefix", "role", "scopes"),
            *("created_at", "last_used_at", "expires_at"),
        ]


class NewApiKeyOutput(ApiKeyOutput):
    key = serializers.CharField()

    class Meta(ApiKeyOutput.Meta):
        fields = [*ApiKeyOutput.Meta.fields, "key"]


class AuditFilter(FilterSerializer):
    action = serializers.CharField(max_length=100, required=False)
    user_id = serializers.UUIDField(required=False)
    api_key_id = serializers.UUIDField(required=False)
    target_type = serializers.CharField(max_length=50, required=False)
    target_id = serializers.CharField(max_length=64, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class AuditOutput(serializers.ModelSerializer[AuditEntry]):
    ip = serializers.CharField(source="address", allow_null=True)
    at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = AuditEntry
        fields = [
            *("id", "at", "user_id", "api_key_id", "action"),
            *("target_type", "target_id", "before", "after", "ip"),
        ]
