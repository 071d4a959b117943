"""What stands in the navigation: a new section is one line here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A section of the dashboard.

    Attributes:
        route: name of its first page's route.
        key: the key that opens it after `g`.
        group: the words above it, where a group begins with it.
    """

    section: str
    label: str
    route: str
    key: str
    group: str = ""


ENTRIES = (
    Entry("home", "Home", "dashboard:home", "h"),
    Entry("workflows", "Workflows", "dashboard:workflows", "w"),
    Entry("executions", "Executions", "dashboard:executions", "e"),
    Entry("schedules", "Schedules", "dashboard:schedules", "s"),
    Entry("templates", "Templates", "dashboard:templates", "t", group="Build"),
    Entry("analytics", "Analytics", "dashboard:analytics", "a", group="Know"),
    Entry("notifications", "Notifications", "dashboard:notifications", "n"),
)
