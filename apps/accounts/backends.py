"""Signing in to pages by e-mail and password, with the API's rules."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.authentication import address_of
from apps.accounts.errors import TooManyAttempts, Unauthenticated
from apps.accounts.models import User
from apps.accounts.services.signing_in import password_check


class EmailBackend(ModelBackend):
    """Django's permissions with our check of passwords and its throttle."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        email = username or credentials.get("email")
        if email is None or password is None:
            return None
        address = address_of(request) if request is not None else None
        try:
            return password_check(email, password, address=address)
        except TooManyAttempts as error:
            raise PermissionDenied(str(error)) from error
        except Unauthenticated:
            return None
