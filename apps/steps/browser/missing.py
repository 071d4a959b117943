"""The error for an element that is not there, with what could have been meant."""

import difflib
from collections.abc import Iterable, Sequence

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.steps.browser.target import Selector, Target

_LOWEST_LIKENESS = 0.5
_LONGEST_SHOWN = 200


def not_found(
    target: Target, found: JsonObject, candidates: Iterable[JsonObject], waited_s: float
) -> PermanentFailure:
    """The failure for a target that no element fits.

    Args:
        found: the page's last answer: `matches`, and `why` none of them would do.
        candidates: elements of the page that could have been meant.
    """
    tried = [str(selector)[:_LONGEST_SHOWN] for selector in target.selectors]
    names = ", ".join(f"`{text}`" for text in tried)
    matches, why = int(found.get("matches") or 0), found.get("why")
    near = near_candidates(target.selectors, candidates) if not matches else []
    if matches:
        what = f"{matches} found for {names}, but {why} after {waited_s:.1f} s."
        code = "element_not_ready"
    else:
        what = f"No element was found for {names} within {waited_s:.1f} s."
        code = "element_not_found"
    hint = f" Near it: {', '.join(f'`{text}`' for text in near)}." if near else ""
    return PermanentFailure(
        what + hint, code=code, selectors=tried, matches=matches, near=near
    )


def near_candidates(
    selectors: Sequence[Selector], candidates: Iterable[JsonObject], limit: int = 3
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
    wanted = selector.name or selector.value
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
    elif selector.kind == "testid" and found["testid"]:
        yield found["testid"], f"testid={found['testid']}"
    elif selector.kind == "placeholder" and found["placeholder"]:
        yield found["placeholder"], f"placeholder={found['placeholder']}"
    elif selector.kind == "role" and found["text"] and selector.name:
        yield found["text"], f"text={found['text']}"
    elif selector.kind in ("text", "label") and found["text"]:
        kind = "label" if found["isLabel"] else selector.kind
        yield found["text"], f"{kind}={found['text']}"
