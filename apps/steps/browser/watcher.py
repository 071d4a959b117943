"""Deals with what pages do by themselves: dialogs, downloads, new tabs."""

from dataclasses import dataclass, field

from apps.core.types import JsonObject
from apps.steps.browser.chromium.contexts import cancel_download
from apps.steps.browser.dialogs import Dialogs
from apps.steps.browser.download_limit import DownloadLimit
from apps.steps.browser.downloads import Downloads
from apps.steps.browser.loans import Loan
from apps.steps.browser.news import News

# A page, or a robot that clicks again and again, could open them without end.
MOST_TABS = 30


@dataclass
class Watcher:
    """Told of what happens in a context, on the browser's own thread: never waits.

    Attributes:
        dialogs: how dialogs are answered.
        downloads: what was downloaded.
        refused_tabs: how many were closed at once, being too many.
        broken: Chromium's code by tab, where a page broke off while it was loaded.
        news: whether something may have changed what a checkpoint holds.
    """

    dialogs: Dialogs
    downloads: Downloads
    refused_tabs: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    news: News = field(default_factory=News)
    _loan: Loan | None = None
    _limit: DownloadLimit | None = None

    def watch(self, loan: Loan) -> None:
        """Deal with what happens in this context from now on."""

        def cancel(download: str) -> None:
            cancel_download(loan.bidi, loan.context.id, download)

        self._limit = DownloadLimit(loan.context.downloads, self.downloads, cancel)
        self.broken.clear()
        self.news = News()
        self._loan = loan

    def stop(self) -> None:
        """The context goes away."""
        self._loan, limit, self._limit = None, self._limit, None
        if limit is not None:
            limit.stop()

    def take(self, event: str, facts: JsonObject) -> None:
        """Something has happened."""
        loan, limit = self._loan, self._limit
        if loan is None or limit is None:
            return
        self.news.take(event, facts)
        if event == "browsingContext.userPromptOpened":
            answer = self.dialogs.answer(facts)
            loan.bidi.tell("browsingContext.handleUserPrompt", **answer)
        elif event == "browsingContext.downloadWillBegin":
            self.downloads.begin(facts)
            limit.begin()
        elif event == "browsingContext.downloadEnd":
            limit.end(facts)
        elif event == "browsingContext.contextCreated":
            self._bound_tabs(loan, facts)
        elif event == "network.fetchError" and facts.get("navigation"):
            self._note_broken(loan, facts)

    def _bound_tabs(self, loan: Loan, opened: JsonObject) -> None:
        if opened.get("parent") is None and len(loan.tabs) > MOST_TABS:
            self.refused_tabs += 1
            loan.bidi.tell("browsingContext.close", context=opened["context"])

    def _note_broken(self, loan: Loan, failed: JsonObject) -> None:
        code = str(failed.get("errorText", "")).removeprefix("net::")
        # A page that leads on at once breaks its own loading off.
        if failed["context"] in loan.tabs and code != "ERR_ABORTED":
            self.broken[str(failed["context"])] = code
