"""Pages of what is not there yet: what will be, and what serves until then."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from apps.dashboard.views.base import Page


@dataclass(frozen=True)
class Frame:
    """What a page without content says.

    Attributes:
        coming: what it will show.
        until_then: what people can do today.
        link: label and address of that.
    """

    section: str
    title: str
    coming: str
    until_then: str
    link: tuple[str, str]


TEMPLATES = Frame(
    "templates",
    "Templates",
    "Ready-made workflows to start from, with the values and secrets that each needs.",
    "Until then, import a workflow file: POST /api/workflows/import takes one in YAML.",
    ("API docs", "/api/docs"),
)
SCHEDULES = Frame(
    "schedules",
    "Schedules",
    "When workflows start by themselves: next and last runs, missed ones with the "
    "reason, time zones and calendars.",
    "Until then, let cron or another program call the workflow's own URL, which "
    "stands among its settings.",
    ("Workflows", "/workflows"),
)
NOTIFICATIONS = Frame(
    "notifications",
    "Notifications",
    "Who is told what, by which channel; what was sent, and a test of each channel.",
    "Until then, a workflow tells of its failure itself: by send_email among its "
    "on_failure steps.",
    ("Failed executions", "/executions?state=failed"),
)
ANALYTICS = Frame(
    "analytics",
    "Analytics",
    "Time saved, rates of success, durations and costs over longer times, with "
    "reports to download.",
    "Until then, the home page counts up to 30 days and the list of executions can "
    "be filtered.",
    ("Home, 30 days", "/?range=30d"),
)


class FramePage(Page):
    """One of them."""

    template = "dashboard/frame.html"
    frame: Frame = TEMPLATES

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(frame=self.frame, section=self.frame.section)
