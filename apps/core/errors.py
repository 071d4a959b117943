"""The errors that the platform raises on purpose.

A message is safe to show to users, a `code` is stable and may be matched by
programs. Errors survive pickling: the text is positional, the rest are attributes.
"""

from typing import ClassVar


class RpaError(Exception):
    """Something went wrong in a way that we can name.

    Attributes:
        code: stable word for programs.
        http_status: status of the answer when a request ends with this error.
        details: more facts for the answer's body (JSON values).
    """

    code: str = "error"
    http_status: ClassVar[int] = 400

    def __init__(
        self, message: str = "", *, code: str | None = None, **details: object
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.details = details

    def __str__(self) -> str:
        return self.message


class TemporaryFailure(RpaError):
    """Later may work: no connection, time-out, 408/425/429, 5xx."""

    code = "temporary_failure"
    http_status = 503


class PermanentFailure(RpaError):
    """Cannot work as asked: other 4xx, bad credentials, bad input."""

    code = "permanent_failure"


class NotFound(RpaError):
    """It does not exist, or the viewer may not know that it does."""

    code = "not_found"
    http_status = 404


class Forbidden(RpaError):
    """The viewer may see it but not do this with it."""

    code = "forbidden"
    http_status = 403


class Conflict(RpaError):
    """The object's state does not allow it."""

    code = "conflict"
    http_status = 409


class Invalid(RpaError):
    """The request's content is wrong, with one entry for each mistake.

    Attributes:
        errors: `{path, message, line?, column?}` for each, paths such as
            `steps[2].params.url`.
    """

    code = "invalid"

    def __init__(
        self,
        message: str = "The request is not valid.",
        errors: "list[dict[str, object]] | None" = None,
        *,
        code: str | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, code=code, **details)
        self.errors = errors or []


class TooLarge(RpaError):
    """The request's body, or a part of it, is larger than is taken."""

    code = "too_large"
    http_status = 413


class Unavailable(RpaError):
    """A part we stand on does not answer; the caller may try again."""

    code = "unavailable"
    http_status = 503
