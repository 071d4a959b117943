"""Answers a page's dialogs at once: nobody is there to do so, and they stop it all."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Literal

from apps.core.types import JsonObject

_MOST_SEEN = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do with a dialog; `text` is for a prompt."""

    action: Literal["accept", "dismiss"] = "dismiss"
    text: str | None = None


@dataclass
class Dialogs:
    """The answers of one context; dismisses what nobody expected.

    Attributes:
        usual: for dialogs that nothing was said of.
        seen: `{type, message, action}` of the last ones, oldest first.
        count: of all.
    """

    usual: Answer = Answer()
    seen: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=_MOST_SEEN))
    count: int = 0
    _next: deque[Answer] = field(default_factory=deque)

    def expect(self, answer: Answer, times: int | None) -> None:
        """Answer the next `times` dialogs so; None: all from now on."""
        if times is None:
            self.usual = answer
            self._next.clear()
        else:
            self._next.extend([answer] * times)

    def to_keep(self) -> JsonObject | None:
        """`{usual, next}` for another browser; None: nothing was said of dialogs."""
        if self.usual == Answer() and not self._next:
            return None
        return {
            "usual": asdict(self.usual),
            "next": [asdict(one) for one in self._next],
        }

    def keep_on(self, kept: JsonObject) -> None:
        """Answer as it was said in another browser."""
        self.usual = Answer(**kept["usual"])
        self._next = deque(Answer(**one) for one in kept["next"])

    def answer(self, opened: JsonObject) -> JsonObject:
        """How to handle a prompt that was opened: parameters of `handleUserPrompt`."""
        kind = str(opened.get("type"))
        if kind == "beforeunload":
            # The page is to be left, whatever it thinks of that.
            answer = Answer("accept")
        else:
            answer = self._next.popleft() if self._next else self.usual
        self.count += 1
        message = str(opened.get("message", ""))[:1_000]
        self.seen.append({"type": kind, "message": message, "action": answer.action})
        handled: JsonObject = {
            "context": opened["context"],
            "accept": answer.action == "accept",
        }
        # Without a text the browser would hand on an empty one.
        text = opened.get("defaultValue") if answer.text is None else answer.text
        if kind == "prompt" and text is not None:
            handled["userText"] = text
        return handled
