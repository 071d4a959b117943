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
from apps.demo.people import COLUMNS

COOKIE = "demo_attempt"
_COOKIE_AGE_S = 24 * 3600


def _key(request: HttpRequest) -> str | None:
    key: str | None = request.get_signed_cookie(
        COOKIE, default=None, salt=COOKIE, max_age=_COOKIE_AGE_S
    )
    return key


def _next(number: int) -> HttpResponse:
    if number > ROUNDS:
        return redirect("demo:score")
    return redirect("demo:round", number=number)


def _refused(request: HttpRequest, error: Conflict) -> HttpResponse:
    page = {"message": error.message, "number": error.details["round"]}
    return render(request, "demo/refused.html", page, status=409)


@never_cache
@require_safe
def challenge(request: HttpRequest) -> HttpResponse:
    """The rules, a Start button, and the way back to an open attempt."""
    found = selectors.attempt_find(_key(request))
    number = found.number if found else 0
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
    if request.method == "POST":
        return _submit(request)
    found = selectors.attempt_find(_key(request))
    if found is None:
        return redirect("demo:challenge")
    if not 1 <= number <= min(found.number, ROUNDS):
        return _next(found.number)
    form = round_form(found.attempt.seed, number)
    page = {"form": form, "rounds": ROUNDS, "is_done": number < found.number}
    return render(request, "demo/round.html", page)


def _submit(request: HttpRequest) -> HttpResponse:
    posted = {name: str(value) for name, value in request.POST.items()}
    try:
        number = services.round_submit(
            attempt_id=selectors.attempt_id(_key(request)),
            token=posted.get("token", ""),
            posted=posted,
        )
    except Conflict as error:
        return _refused(request, error)
    return _next(number)


@never_cache
@require_safe
def score(request: HttpRequest) -> HttpResponse:
    """How many of the fields were right, and the time taken."""
    found = selectors.attempt_find(_key(request))
    if found is None:
        return redirect("demo:challenge")
    result = selectors.score(found.attempt)
    if result is None:
        return _next(found.number)
    page = {"score": result, "fields": len(COLUMNS)}
    return render(request, "demo/score.html", page)
