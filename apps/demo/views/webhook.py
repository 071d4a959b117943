"""The webhook: takes JSON from anyone, and shows what came last."""

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.core.api.problems import CONTENT_TYPE, problem
from apps.core.documents import load_json
from apps.core.errors import Invalid
from apps.core.types import Json
from apps.demo import selectors, services

BODY_MAX_BYTES = 256 * 1024
KEY_MAX_CHARS = 255


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
        body = problem(400, error.message, code=error.code, errors=error.errors)
        return JsonResponse(body, status=400, content_type=CONTENT_TYPE)
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
        text = str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("The body is not UTF-8 text.") from error
    return load_json(text)[0]
