"""What e-mail addresses and passwords may look like, in one form each."""

import unicodedata

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.accounts.models import User
from apps.core.errors import Invalid
from apps.core.text import has_controls

MAX_EMAIL, MAX_PASSWORD_BYTES = 254, 1_024


def normalized_email(text: str) -> str:
    """`text` as it is stored: composed, without spaces around it, lower case.

    Raises:
        Invalid: it is no address that mail could be sent to.
    """
    email = unicodedata.normalize("NFKC", text).strip().lower()
    try:
        if len(email) > MAX_EMAIL or email.startswith('"'):
            raise ValidationError("too long or quoted")
        validate_email(email)
    except ValidationError as error:
        errors: list[dict[str, object]] = [
            {"path": "email", "message": "must be an e-mail address"}
        ]
        raise Invalid(errors=errors) from error
    return email


def known_email(text: str) -> str | None:
    """The stored form of an address that someone claims, None when impossible."""
    try:
        return normalized_email(text[: 2 * MAX_EMAIL])
    except Invalid:
        return None


def normalized_password(text: str) -> str:
    """The form that is hashed: the same for all ways to type it (NFKC)."""
    return unicodedata.normalize("NFKC", text)


def new_password(text: str, user: User | None = None, *, path: str = "password") -> str:
    """The hash of a password that someone chose.

    Raises:
        Invalid: too short, too long, too common, or not typeable.
    """
    messages: list[str] = []
    if len(text.encode(errors="replace")) > MAX_PASSWORD_BYTES:
        messages = [f"must have at most {MAX_PASSWORD_BYTES} bytes"]
    elif has_controls(text, one_line=True):
        messages = ["must not hold control characters"]
    else:
        try:
            validate_password(normalized_password(text), user)
        except ValidationError as error:
            messages = list(error.messages)
    if messages:
        raise Invalid(errors=[{"path": path, "message": text} for text in messages])
    return make_password(normalized_password(text))


def is_password_of(user: User | None, text: str) -> bool:
    """Whether the active user has this password; as slow for no user at all."""
    if len(text.encode(errors="replace")) > MAX_PASSWORD_BYTES:
        return False
    password = normalized_password(text)
    if user is None:
        make_password(password)
        return False
    return check_password(password, user.password) and user.is_active
