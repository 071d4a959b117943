"""Calls functions of the page's side, in the frames that steps work in."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from apps.steps.browser.connection import BrowserConnection
from apps.steps.browser.failures import PageChanged
from apps.steps.browser.matches import Matches
from apps.steps.browser.scripts import script_for
from apps.steps.browser.target import Target, parse_selector

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver


class PageCalls(BrowserConnection):
    """A browser whose pages can be asked."""

    @cached_property
    def matches(self) -> Matches:
        """How the targets of the step under way were found."""
        return Matches()

    def run(self, target: Target | None, function: str, *arguments: Any) -> Any:
        """Call a function of the page's side, in the target's frame.

        Args:
            target: None: in the page itself, whatever frame steps are in.

        Raises:
            PageChanged: the page went away meanwhile.
            PermanentFailure: `invalid_selector`, `too_much_data`.
        """
        frame = self.frame + target.frame if target else ()
        answer = self._run_in(frame, function, arguments)
        if target is not None:
            self.matches.note(target, answer)
        return answer

    def run_here(self, function: str, *arguments: Any) -> Any:
        """The same where steps look for elements, with no target in mind."""
        return self._run_in(self.frame, function, arguments)

    def _run_in(
        self, frame: tuple[str, ...], function: str, arguments: tuple[Any, ...]
    ) -> Any:
        script = script_for(function)
        with self.commanding() as driver:
            self.enter_frames(driver, frame)
            answer = driver.execute_script(script, *arguments)
        if answer is None:  # each of them gives something, on a page that stays
            raise PageChanged("The page went away.")
        return answer

    def enter_frames(self, driver: "Driver", frame: tuple[str, ...]) -> None:
        """Go into a frame of the page, by the selectors of those on the way.

        Raises:
            PageChanged: it is not there now.
        """
        self.leave_frames(driver)
        self.missing_frame = None
        for text in frame:
            selector = parse_selector(text)
            found = driver.execute_script(
                script_for("rpa.find"), [selector.for_page()], "attached"
            )
            if found["element"] is None:
                # Frames appear late, too: whoever waits asks again.
                self.missing_frame = text
                raise PageChanged(f"no frame {selector}")
            self._is_in_frame = True
            driver.switch_to.frame(found["element"])
