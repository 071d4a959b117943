"""What an execution's context has beside its settings in the browser: it is ours."""

from apps.steps.browser.blocking import Blocker
from apps.steps.browser.host import Loan
from apps.steps.browser.settings import BrowserSettings


class Outfit:
    """Made for one loan; closed before that is given back."""

    def __init__(self, loan: Loan, settings: BrowserSettings) -> None:
        self._loan, self._settings = loan, settings
        self._blocker: Blocker | None = None

    def put_on(self) -> None:
        """Let it begin.

        Raises:
            BidiError, BidiGone: the browser cannot or does not answer.
        """
        if self._settings.block or self._settings.block_urls:
            self._block()

    def close(self) -> None:
        """Let it end; can be called at any moment."""
        if self._blocker is not None:
            self._blocker.close()

    def _block(self) -> None:
        loan = self._loan
        self._blocker = Blocker(
            loan.devtools(),
            self._settings.block,
            self._settings.block_urls,
            is_anothers=loan.is_anothers,
        )
        self._blocker.start()
