"""The first page: is the platform well, what runs, what needs somebody."""

from django.http import HttpRequest, HttpResponse

from apps.dashboard.engine_state import engine_state
from apps.dashboard.selectors import Home
from apps.dashboard.views.base import Page


class HomePage(Page):
    """What is going on, refreshed in place."""

    section = "home"
    template = "dashboard/home.html"
    parts = {
        "overview": "dashboard/parts/overview.html",
        "recent": "dashboard/parts/recent.html",
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        home = Home(request.GET.get("range", ""))
        return self.show(home=home, engine_state=engine_state)
