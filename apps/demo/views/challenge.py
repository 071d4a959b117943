"""The challenge: ten forms whose fields change place, and the score."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.core.errors import Conflict
from apps.demo import selectors, services
from apps.demo.layout import ROUNDS, round_form
from apps.demo.models import DemoAttempt
from apps.demo.people import COLUMNS

COOKIE = "demo_attempt"
_COOKIE_AGE_S = 24 * 3600


def _attempt(request: HttpRequest) -> DemoAttempt | None:
    key = request.get_signed_cookie(
        COOKIE, default=None, salt=COOKIE, max_age=_COOKIE_AGE_S
    )
    return selectors.attempt_find(key)


def _next(number: int) -> HttpResponse:
    if number > ROUNDS:
        return redirect("demo:score")
    return redirect("demo:round", number=number)


def _refused(request: HttpRequest, message: str, number: int = 0) -> HttpResponse:
    page = {"message": message, "number": number}
    return render(request, "demo/refused.html", page, status=409)


@never_cache
@require_safe
def challenge(request: HttpRequest) -> HttpResponse:
    """The rules, a Start button, and the way back to an open attempt."""
    attempt = _attempt(request)
    number = selectors.round_current(attempt) if attempt else 0
    page = {"number": number, "rounds": ROUNDS, "columns": COLUMNS}
    return render(request, "demo/challenge.html", page)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin a new attempt, kept in a signed cookie."""
    attempt = services.attempt_start()
    response = _next(1)
    response.set_signed_cookie(
        COOKIE,
        attempt.seed,
        salt=COOKIE,
        max_age=_COOKIE_AGE_S,
        path=reverse("demo:landing"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def challenge_round(request: HttpRequest, number: int) -> HttpResponse:
    """Show the form of a round, or count the posted one.

    A round that is done still shows its form: a robot that was killed between
    submitting and noting so comes back here, fills it again and is sent on without
    being counted twice.
    """
    attempt = _attempt(request)
    if request.method == "POST":
        return _submit(request, attempt)
    if attempt is None:
        return redirect("demo:challenge")
    current = selectors.round_current(attempt)
    if not 1 <= number <= min(current, ROUNDS):
        return _next(current)
    form = round_form(attempt.seed, number)
    page = {"form": form, "rounds": ROUNDS, "is_done": number < current}
    return render(request, "demo/round.html", page)


def _submit(request: HttpRequest, attempt: DemoAttempt | None) -> HttpResponse:
    if attempt is None:
        return _refused(request, "No attempt is open in this browser.")
    posted = {name: str(value) for name, value in request.POST.items()}
    try:
        number = services.round_submit(
            attempt_id=attempt.id, token=posted.get("token", ""), posted=posted
        )
    except Conflict as error:
        return _refused(request, error.message, selectors.round_current(attempt))
    return _next(number)


@never_cache
@require_safe
def score(request: HttpRequest) -> HttpResponse:
    """How many of the fields were right, and the time taken."""
    attempt = _attempt(request)
    if attempt is None:
        return redirect("demo:challenge")
    result = selectors.score(attempt)
    if result is None:
        return _next(selectors.round_current(attempt))
    page = {"score": result, "fields": len(COLUMNS)}
    return render(request, "demo/score.html", page)
