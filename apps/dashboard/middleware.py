"""Headers of pages that no view of ours has made."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.dashboard.views.base import guarded

# The admin has a policy of its own; documents of the API and the practice site load
# what pages may not.
_OTHERS = ("/admin/", "/api/", "/demo/")


class PolicyForPages:
    """Give the pages about errors the policy of all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        has_policy = "Content-Security-Policy" in response
        if is_page and not has_policy and not request.path.startswith(_OTHERS):
            guarded(response)
        return response
