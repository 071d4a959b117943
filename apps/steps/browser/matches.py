"""Which selector found what a step meant, and what people should know of that."""

from apps.core.types import JsonObject
from apps.steps.browser.target import Target


class Matches:
    """Of each target of a step the last match.

    The session notes every answer of the page in it, so no step has to.
    """

    def __init__(self) -> None:
        self._found: dict[Target, JsonObject] = {}

    def note(self, target: Target, answer: object) -> None:
        """Take note of what the page said about a target.

        Args:
            answer: when the target was looked for, an object with `at`, the index of
                the selector that found it (-1: none did).
        """
        if isinstance(answer, dict) and answer.get("at", -1) >= 0:
            self._found[target] = answer

    def forget(self) -> None:
        """Another step begins."""
        self._found.clear()

    def warnings(self) -> list[str]:
        """A sentence for each target that a fallback found, or that fits several."""
        return [
            text
            for target, found in self._found.items()
            for text in (*_of_fallback(target, found), *_of_rivals(target, found))
        ]


def _of_fallback(target: Target, found: JsonObject) -> list[str]:
    at, selectors = found["at"], target.selectors
    if at == 0:
        return []
    count = found["tries"][0][0] if found.get("tries") else 0
    why = f"{count} elements, but none that was ready" if count else "nothing"
    return [f"`{selectors[0]}` found {why}; used the fallback `{selectors[at]}`."]


def _of_rivals(target: Target, found: JsonObject) -> list[str]:
    visible, selector = found.get("visible", 0), target.selectors[found["at"]]
    if visible < 2:
        return []
    return [
        f"`{selector}` fits {found['matches']} elements, {visible} of them visible; "
        f"used the first that was ready, `{found['used']}`."
    ]
