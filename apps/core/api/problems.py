"""Errors as RFC 9457 problem details, one shape for all of `/api/`."""

import logging
import math
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from apps.core import outages
from apps.core.errors import Invalid, RpaError
from apps.core.paths import Path, format_path
from apps.core.types import JsonObject

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_TOO_BIG = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
_FOREIGN_KEY, _UNIQUE = "23503", "23505"
_INVALID = "The request is not valid."


def problem(
    status: int,
    detail: str,
    *,
    code: str,
    errors: list[dict[str, object]] | None = None,
    **more: object,
) -> JsonObject:
    """The body of an error answer."""
    return {
        **more,
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors or [],
    }


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error of a view; None when it is a bug of ours."""
    body, headers = _answer(exc)
    if body is None:
        return None
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(
        body, status=body["status"], headers=headers, content_type=CONTENT_TYPE
    )


def _answer(exc: Exception) -> tuple[JsonObject | None, dict[str, str]]:
    if isinstance(exc, RpaError):
        return _of_ours(exc)
    if isinstance(exc, exceptions.APIException):
        return _of_drf(exc)
    if isinstance(exc, DjangoValidationError):
        errors: list[dict[str, object]] = [
            {"path": "", "message": text} for text in exc.messages
        ]
        return problem(400, _INVALID, code="invalid", errors=errors), {}
    if outages.is_passing(exc):
        log.warning("database_unavailable", exc_info=exc)
        return _unavailable()
    if isinstance(exc, DataError | IntegrityError):
        return _of_database(exc), {}
    return _of_django(exc), {}


def _of_ours(exc: RpaError) -> tuple[JsonObject, dict[str, str]]:
    details = dict(exc.details)
    headers: dict[str, str] = {}
    wait_s = details.get("retry_after_s")
    if isinstance(wait_s, int | float):
        headers["Retry-After"] = str(math.ceil(wait_s))
    elif exc.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    errors = exc.errors if isinstance(exc, Invalid) else None
    for name in ("status", "detail", "code", "errors"):
        details.pop(name, None)
    body = problem(exc.http_status, str(exc), code=exc.code, errors=errors, **details)
    return body, headers


def _of_drf(exc: exceptions.APIException) -> tuple[JsonObject, dict[str, str]]:
    headers: dict[str, str] = {}
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait_s := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait_s))
    if isinstance(exc, exceptions.ValidationError):
        errors = list(flattened(exc.detail))
        return problem(400, _INVALID, code="invalid", errors=errors), headers
    code = exc.get_codes()
    return (
        problem(
            exc.status_code,
            str(exc.detail),
            code=code if isinstance(code, str) else "error",
        ),
        headers,
    )


def _of_django(exc: Exception) -> JsonObject | None:
    if isinstance(exc, Http404):
        return problem(404, "It does not exist.", code="not_found")
    if isinstance(exc, PermissionDenied):
        return problem(403, "You may not do this.", code="forbidden")
    if isinstance(exc, _TOO_BIG):
        return too_large()
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return problem(400, "The request is not acceptable.", code="bad_request")
    return None


def _of_database(exc: Exception) -> JsonObject | None:
    """Answers for what only the database found; each is worth a better check."""
    sqlstate = getattr(exc.__cause__, "sqlstate", None)
    log.warning("database_refused", exc_info=exc, extra={"sqlstate": sqlstate})
    if isinstance(exc, DataError):
        return problem(400, "A value cannot be stored.", code="invalid")
    if sqlstate == _FOREIGN_KEY:
        return problem(
            409, "Something it refers to does not exist.", code="missing_reference"
        )
    if sqlstate == _UNIQUE:
        return problem(409, "It exists already.", code="conflict")
    return None


def _unavailable() -> tuple[JsonObject, dict[str, str]]:
    body = problem(503, "The database does not answer.", code="unavailable")
    return body, {"Retry-After": str(RETRY_AFTER_S)}


def too_large() -> JsonObject:
    """The body for a request that is larger than the platform takes."""
    limit = settings.API_BODY_MAX_BYTES
    detail = f"The request is larger than {limit} bytes."
    return problem(413, detail, code="too_large", max_bytes=limit)


def flattened(detail: Any, path: Path = ()) -> Iterator[dict[str, object]]:
    """Each message of a validation error with the path it is about."""
    if isinstance(detail, dict):
        for name, child in detail.items():
            is_whole = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from flattened(child, path if is_whole else (*path, name))
    elif isinstance(detail, list):
        for at, child in enumerate(detail):
            is_text = isinstance(child, str)
            yield from flattened(child, path if is_text else (*path, at))
    else:
        yield {"path": format_path(path), "message": str(detail)}


# --- Errors outside of views: unknown routes, bugs, a dead database ------------


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _plain(body: JsonObject, headers: dict[str, str] | None = None) -> HttpResponse:
    return JsonResponse(
        body, status=body["status"], headers=headers, content_type=CONTENT_TYPE
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The project's `handler400`."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    detail = "The request is not acceptable."
    return _plain(_of_django(exception) or problem(400, detail, code="bad_request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The project's `handler403`."""
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return _plain(problem(403, "You may not do this.", code="forbidden"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The project's `handler404`."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return _plain(problem(404, "It does not exist.", code="not_found"))


def server_error(request: HttpRequest) -> HttpResponse:
    """The project's `handler500`: 503 when it is the database that is away."""
    if outages.is_passing(sys.exc_info()[1]):
        return _plain(*_unavailable())
    if not _is_api(request):
        return defaults.server_error(request)
    detail = "Something went wrong on our side. It has been logged."
    return _plain(problem(500, detail, code="internal_error"))
