"""Errors of signing in."""

from apps.core.errors import RpaError


class Unauthenticated(RpaError):
    """It is not known who asks, or what proved it is no longer good."""

    code = "not_authenticated"
    http_status = 401


class TooManyAttempts(RpaError):
    """Too often in too short a time; `retry_after_s` says when to come back."""

    code = "too_many_attempts"
    http_status = 429
