"""The error for an element that is not there, with what could have been meant."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.steps.browser.target import Selector, Target

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

_LOWEST_LIKENESS = 0.5
_LONGEST_SHOWN = 200
_MOST_CANDIDATES = 400
_MOST_PLACES = 20
_MOST_NEAR = 3
_MOST_LITERALS = 10
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
# The driver's names of elements end with the browser's own number.
_NUMBER = re.compile(r"\.e\.(\d+)$")


class Hints(NamedTuple):
    """What the page says about an element that is not there.

    Attributes:
        candidates: elements that could have been meant.
        frames: those that hold what was looked for.
        sealed: elements with a closed shadow root.
        roles: those that elements of the page have.
        frame: a frame on the way that is not there itself.
    """

    candidates: Sequence[JsonObject] = ()
    frames: Sequence[str] = ()
    sealed: Sequence[str] = ()
    roles: Sequence[str] = ()
    frame: str | None = None


def look_around(session: "BrowserSession", target: Target) -> Hints:
    """Look for what could have been meant; errors as of any command."""
    candidates = session.run(target, "reading.candidates", _MOST_CANDIDATES)
    selectors = target.for_page()
    places = session.run(target, "reading.elsewhere", selectors, _MOST_PLACES)
    pairs = zip(places["sealed"], places["names"], strict=True)
    sealed = [name for element, name in pairs if _is_closed(session, element)]
    return Hints(candidates, places["frames"], sealed, places["roles"])


def _is_closed(session: "BrowserSession", element: Any) -> bool:
    """Whether it has a shadow root that no script of the page can see into."""
    if not (number := _NUMBER.search(element.id)):
        return False
    with session.commanding() as driver:
        node = driver.cdp("DOM.describeNode", backendNodeId=int(number[1]))["node"]
    return any(
        one.get("shadowRootType") == "closed" for one in node.get("shadowRoots", ())
    )


def not_found(
    target: Target, found: JsonObject, hints: Hints, waited_s: float
) -> PermanentFailure:
    """The failure for a target that no element fits.

    Args:
        found: the page's last answer; its `tries` say of each selector how many
            elements it found, and why none of them would do.
    """
    tries = found.get("tries") or [[0, ""]] * len(target.selectors)
    pairs = list(zip(target.selectors, tries, strict=False))
    matches = sum(count for _, (count, _) in pairs)
    shown = [str(selector)[:_LONGEST_SHOWN] for selector in target.selectors]
    near = _near(target.selectors, hints) if not matches else []
    if matches:
        facts = "; ".join(_tried(*pair) for pair in pairs)
        what = f"No element was ready within {waited_s:.1f} s: {facts}."
    else:
        names = ", ".join(f"`{text}`" for text in shown)
        what = f"No element was found for {names} within {waited_s:.1f} s."
        what += _hint(near, hints)
    return PermanentFailure(
        what,
        code="element_not_ready" if matches else "element_not_found",
        selectors=shown,
        matches=matches,
        near=near,
        frames=list(hints.frames),
    )


def _tried(selector: Selector, outcome: Sequence[Any]) -> str:
    count, why = outcome
    name = f"`{str(selector)[:_LONGEST_SHOWN]}`"
    if not count:
        return f"{name} found nothing"
    return f"{name} found {count}, {'the first ' if count > 1 else ''}{why}"


def _hint(near: Sequence[str], hints: Hints) -> str:
    if hints.frame is not None:
        return f" There is no frame `{hints.frame[:_LONGEST_SHOWN]}`."
    text = f" Near it: {_names(near)}." if near else ""
    if hints.frames:
        text += f" It is in the frame {_names(hints.frames)}: name it as `frame`."
    if hints.sealed:
        names = _names(hints.sealed[:3])
        text += f" No step can see into the closed shadow root of {names}."
    return text


def _names(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _near(selectors: Sequence[Selector], hints: Hints) -> list[str]:
    near = near_candidates(selectors, hints.candidates)
    for selector in selectors:
        if selector.kind == "role" and selector.name is None:
            near += near_roles(selector, hints.roles)
    return near[:_MOST_NEAR]


def near_roles(wanted: Selector, roles: Iterable[str]) -> list[str]:
    """Selectors of the roles that the page has, the most alike first."""
    best = sorted(roles, key=lambda role: _likeness(wanted, role), reverse=True)
    return [f"role={role}" for role in best[:_MOST_NEAR]]


def near_candidates(
    selectors: Sequence[Selector],
    candidates: Iterable[JsonObject],
    limit: int = _MOST_NEAR,
) -> list[str]:
    """Selectors of the elements that look most like what was asked for."""
    scored: dict[str, float] = {}
    for candidate in candidates:
        for selector in selectors:
            for text, meant in _spellings(selector, candidate):
                score = _likeness(selector, text)
                scored[meant] = max(score, scored.get(meant, 0.0))
    best = sorted(scored, key=lambda meant: scored[meant], reverse=True)
    return [meant for meant in best if scored[meant] >= _LOWEST_LIKENESS][:limit]


def _likeness(selector: Selector, text: str) -> float:
    return max((_ratio(wanted, text) for wanted in _wanted(selector)), default=0.0)


def _wanted(selector: Selector) -> Sequence[str]:
    """The texts in a selector that can be misspelled."""
    if selector.kind == "xpath":
        texts = [text[1:-1] for text in _LITERAL.findall(selector.value)]
        return [text for text in texts if len(text) > 1][:_MOST_LITERALS]
    return (selector.name or selector.value,)


def _ratio(wanted: str, text: str) -> float:
    pair = wanted[:100].lower(), text[:100].lower()
    return difflib.SequenceMatcher(None, *pair, autojunk=False).ratio()


def _spellings(selector: Selector, found: JsonObject) -> Iterable[tuple[str, str]]:
    """How an element could be called in a selector of that kind: text, selector."""
    if selector.kind == "css":
        if found["id"]:
            yield f"#{found['id']}", f"#{found['id']}"
        if found["name"]:
            css = f'{found["tag"]}[name="{found["name"]}"]'
            yield css, css
        if found["classes"]:
            css = found["tag"] + "".join(f".{name}" for name in found["classes"])
            yield css, css
    elif selector.kind == "xpath":
        yield from _as_literals(found)
    elif selector.kind == "testid" and found["testid"]:
        yield found["testid"], f"testid={found['testid']}"
    elif selector.kind == "placeholder" and found["placeholder"]:
        yield found["placeholder"], f"placeholder={found['placeholder']}"
    elif selector.kind == "role" and found["text"] and selector.name:
        yield found["text"], f"text={found['text']}"
    elif selector.kind in ("text", "label") and found["text"]:
        kind = "label" if found["isLabel"] else selector.kind
        yield found["text"], f"{kind}={found['text']}"


def _as_literals(found: JsonObject) -> Iterable[tuple[str, str]]:
    """What of an element an XPath can ask for in quotes."""
    if found["id"]:
        yield found["id"], f"#{found['id']}"
    if found["name"]:
        yield found["name"], f'{found["tag"]}[name="{found["name"]}"]'
    if found["text"]:
        yield found["text"], f"text={found['text']}"
    for name in found["classes"]:
        yield name, f"{found['tag']}.{name}"
