"""Users, organizations, roles, tokens, keys, audit."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_out


def end_page_sign_in(request: Any, **_: Any) -> None:
    """Signing out of the pages also ends the tokens that their scripts hold."""
    from apps.accounts.api.signing_in import end_page_session

    if request is not None:
        end_page_session(request)


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        # Registers the descriptions with drf-spectacular.
        from apps.accounts import schema  # noqa: F401

        user_logged_out.connect(end_page_sign_in, dispatch_uid="end_page_sign_in")
