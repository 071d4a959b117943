"""What a browser's checkpoint says beside the one before; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from apps.core.types import JsonObject

_PERSISTED = ("cookies", "storage")
_OTHERS = ("url", "tabs", "tab", "dialogs")


class Change(StrEnum):
    """What became of the page since the last checkpoint.

    `new`: another page. What was typed before has no place on it.
    `past`: the document of before, and something was stored since, as when somebody
    has signed in. What was typed may have served, and its fields may be gone.
    `same`: the document of before; what was typed is still in it.
    `none`: there is nothing to record.
    """

    NEW = "new"
    PAST = "past"
    SAME = "same"
    NONE = "none"


def change(last: JsonObject | None, now: JsonObject) -> Change:
    """What is different between two checkpoints, as `checkpoints.take` gives them."""
    if last is None or not is_same_document(last, now):
        return Change.NEW
    if any(last.get(name) != now.get(name) for name in _PERSISTED):
        is_there = view_of(last["url"]) == view_of(now["url"])
        return Change.PAST if is_there else Change.NEW
    is_different = any(last.get(name) != now.get(name) for name in _OTHERS)
    return Change.SAME if is_different else Change.NONE


def is_same_document(last: JsonObject | None, now: JsonObject) -> bool:
    """Whether the page has at most gone to another view by itself."""
    return last is not None and last["since"] == now["since"]


def view_of(url: str) -> tuple[str, ...]:
    """Of an address what a page of one document changes when it shows another view.

    A query or a plain fragment tells of a place in a view, or of what is chosen in it.
    """
    parts = urlsplit(url)
    is_route = parts.fragment.startswith(("/", "!"))
    route = parts.fragment if is_route else ""
    return parts.scheme, parts.netloc, parts.path, route


@dataclass
class FilledIn:
    """In which tabs a page was filled in that no checkpoint holds.

    While steps go on in that tab they are done again after a takeover. That cannot be
    once steps have gone on in another one: then whoever comes back must be told.
    """

    _pages: dict[str, float] = field(default_factory=dict)
    _tab: str = ""

    def note(self, tab: str, since: float) -> None:
        """A `page` step has ended on a document in a tab."""
        self._pages[tab], self._tab = since, tab

    def arrive(self, tab: str, since: float, open_tabs: Mapping[str, int]) -> list[int]:
        """The execution goes on on a new page; gives the places of such tabs."""
        came_back = self._tab not in ("", tab)
        if not came_back or self._pages.get(tab) != since:
            self._pages.pop(tab, None)
        self._tab = tab
        self._pages = {one: at for one, at in self._pages.items() if one in open_tabs}
        return sorted(open_tabs[one] for one in self._pages)
