"""The operators' admin: users and organizations to change, the rest to read."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from apps.accounts import announcing
from apps.accounts.authentication import address_of
from apps.accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    SignIn,
    SignInFailures,
    User,
)
from apps.accounts.roles import Role
from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.operators.base import KnownWords, OperatorsAdmin, ReadOnlyAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(OperatorsAdmin):
    """What operators who are no superusers may do."""

    ids = ()
    words = ("name",)
    filter_horizontal = ("permissions",)


@admin.register(User)
class UserAdmin(OperatorsAdmin):
    """People; only a superuser makes others operators."""

    words = ("email__startswith",)
    search_fields = ("email",)  # Django wants it named for its autocompletion
    list_display = ("email", "name", "is_active", "is_staff", "created_at")
    fields = (
        *("email", "name", "is_active", "is_staff", "is_superuser"),
        *("groups", "user_permissions"),
    )
    filter_horizontal = ("groups", "user_permissions")
    POWERS: ClassVar[tuple[str, ...]] = (
        *("is_staff", "is_superuser", "groups", "user_permissions"),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> tuple[str, ...]:
        """Nobody gives away powers that they do not have."""
        return () if getattr(request.user, "is_superuser", False) else self.POWERS

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers are changed by superusers alone: else their address could be."""
        return _is_allowed(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changing."""
        return _is_allowed(request, obj) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once, which would ask about none of them."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found


def _is_allowed(request: HttpRequest, user: Any) -> bool:
    if user is None or not user.is_superuser:
        return True
    return bool(getattr(request.user, "is_superuser", False))


class AuditedAdmin(OperatorsAdmin):
    """Rows of an organization; each change is in its trail, with who made it."""

    def organization_of(self, row: Any) -> Any:
        """Whose trail it is."""
        return row.organization_id

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        after = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        self._tell(request, obj, "update" if change else "create", after)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._tell(request, obj, "delete", {})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """One by one, so that each is in the trail."""
        for row in queryset:
            self.delete_model(request, row)

    def _tell(
        self, request: HttpRequest, row: Any, verb: str, after: dict[str, Any]
    ) -> None:
        user = request.user if isinstance(request.user, User) else None
        viewer = Viewer(
            organization_id=self.organization_of(row),
            role=Role.OWNER,
            user=user,
            address=address_of(request),
        )
        name = str(row._meta.model_name)
        audit(
            viewer=viewer,
            action=f"{name}.{verb}",
            target_type=name,
            target_id=row.pk,
            after={"by": "operator", **after},
        )


@admin.register(Organization)
class OrganizationAdmin(AuditedAdmin):
    """Tenants; one that has executions and files is not deleted by a click."""

    words = ("slug__startswith",)
    search_fields = ("slug",)  # as above
    list_display = ("name", "slug", "created_at")
    actions = ("announce",)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self._announce)
        own = path("announce/", page, name="accounts_organization_announce")
        return [own, *super().get_urls()]

    @admin.action(description="Announce maintenance\u2026", permissions=["announce"])
    def announce(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask what the chosen organizations shall be told."""
        return announcing.ask(self, request, queryset)

    def _announce(self, request: HttpRequest) -> HttpResponse:
        return announcing.page(self, request)

    def has_announce_permission(self, request: HttpRequest) -> bool:
        """Those who may change organizations."""
        return self.has_change_permission(request)

    def organization_of(self, row: Any) -> Any:
        return row.pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RoleFilter(KnownWords):
    """Memberships with one role."""

    title = parameter_name = "role"
    choices_known = tuple(Role.values)


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Who is in which organization."""

    ids = ("id", "user_id", "organization_id")
    list_display = ("user", "organization", "role")
    list_filter = (RoleFilter,)
    list_select_related = ("user", "organization")
    autocomplete_fields = ("user", "organization")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who changed what, when and from where."""

    ids = ("id", "organization_id")
    list_display = ("created_at", "organization", "action", "target_type", "user_id")
    list_select_related = ("organization",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys without the keys."""

    plural = "API keys"
    ids = ("id", "organization_id")
    list_display = ("prefix", "name", "organization", "role", "last_used_at")
    list_select_related = ("organization",)
    exclude = ("key_hash",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations without the tokens in them."""

    ids = ("id", "organization_id")
    list_display = ("email", "organization", "role", "expires_at", "accepted_at")
    list_select_related = ("organization",)
    exclude = ("token_hash",)


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    """Sign-ins; tokens are not stored, so none can be shown."""

    plural = "Sign-ins"
    ids = ("id", "user_id")
    list_display = ("created_at", "user", "address", "expires_at", "revoked_because")
    list_select_related = ("user",)


@admin.register(SignInFailures)
class SignInFailuresAdmin(ReadOnlyAdmin):
    """Wrong passwords, counted under a digest of address and e-mail."""

    plural = "Failed sign-ins"
    ids = ()
    words = ("key",)
    list_display = ("key", "failures", "since")
