"""The webhook: takes JSON from anyone, and shows what came last."""

import json
import math
from typing import NoReturn

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.core.errors import Invalid
from apps.core.types import Json
from apps.demo import selectors, services

BODY_MAX_BYTES = 256 * 1024
KEY_MAX_CHARS = 255
DEPTH_MAX = 64


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest) -> HttpResponse:
    """Count a posted JSON body, once for each `Idempotency-Key`; or list the last."""
    if request.method != "POST":
        return _listed(request)
    try:
        payload, key = _payload(request.body), _key(request)
    except Invalid as error:
        return _problem(error)
    received = services.hook_receive(payload=payload, key=key)
    return JsonResponse({"received": received}, status=202)


def _listed(request: HttpRequest) -> HttpResponse:
    hooks = selectors.hooks_latest()
    wanted = request.get_preferred_type(["application/json", "text/html"])
    if wanted == "text/html":
        for hook in hooks:
            hook["text"] = json.dumps(hook["payload"], indent=2, ensure_ascii=False)
        response = render(request, "demo/webhook.html", {"hooks": hooks})
    else:
        response = JsonResponse({"results": hooks})
    patch_vary_headers(response, ["Accept"])
    return response


def _key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > KEY_MAX_CHARS:
        raise Invalid(f"Idempotency-Key is longer than {KEY_MAX_CHARS} characters.")
    if not key.isprintable():
        raise Invalid("Idempotency-Key holds characters that cannot be printed.")
    return key


def _payload(body: bytes) -> Json:
    if len(body) > BODY_MAX_BYTES:
        raise Invalid(f"The body is larger than {BODY_MAX_BYTES} bytes.")
    try:
        payload = json.loads(body, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON that we can keep.") from error
    _check_text(payload, DEPTH_MAX)
    return payload


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number


def _check_text(value: Json, depth: int) -> None:
    """Refuse what PostgreSQL's JSON cannot hold: NUL, lone surrogates, great depth."""
    if depth < 0:
        raise Invalid("The body is nested too deep.")
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            _check_text(item, depth - 1)
    elif isinstance(value, str) and not _is_storable(value):
        raise Invalid("A text holds NUL or half of a surrogate pair.")


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _problem(error: Invalid) -> HttpResponse:
    return JsonResponse(
        {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": error.message,
            "code": error.code,
        },
        status=400,
        content_type="application/problem+json",
    )
