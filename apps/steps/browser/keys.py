"""Keys by the names that people give them: `Enter`, `Control+A`."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import as_list

MODIFIERS = {
    "control": Keys.CONTROL,
    "ctrl": Keys.CONTROL,
    "shift": Keys.SHIFT,
    "alt": Keys.ALT,
    "meta": Keys.META,
}
# These move the caret or the focus, and change nothing.
MOVING = {
    "tab": Keys.TAB,
    "arrowup": Keys.ARROW_UP,
    "arrowdown": Keys.ARROW_DOWN,
    "arrowleft": Keys.ARROW_LEFT,
    "arrowright": Keys.ARROW_RIGHT,
    "home": Keys.HOME,
    "end": Keys.END,
    "pageup": Keys.PAGE_UP,
    "pagedown": Keys.PAGE_DOWN,
}
_NAMED: dict[str, str] = {
    **MODIFIERS,
    **MOVING,
    "enter": Keys.ENTER,
    "escape": Keys.ESCAPE,
    "backspace": Keys.BACKSPACE,
    "delete": Keys.DELETE,
    "insert": Keys.INSERT,
    "space": " ",
    **{f"f{n}": getattr(Keys, f"F{n}") for n in range(1, 13)},
}


def parse_keys(text: str) -> tuple[str, ...]:
    """The keys of a chord, modifiers first.

    Raises:
        ValueError: a name that no key has.
    """
    names = text.split("+")
    if text.endswith("+") and len(names) > 1:
        names = [*(name for name in names if name), "+"]
    *held, last = names
    if unknown := [name for name in held if name.strip().lower() not in MODIFIERS]:
        raise ValueError(f"{unknown[0][:40]!r} is none of Control, Shift, Alt and Meta")
    return (*(MODIFIERS[name.strip().lower()] for name in held), _key(last))


def _checked(text: str) -> str:
    parse_keys(text)
    return text


Chord = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_checked)]
Chords = Annotated[
    tuple[Chord, ...],
    Field(max_length=100),
    BeforeValidator(as_list, json_schema_input_type=Chord | tuple[Chord, ...]),
]


def only_move(chords: Iterable[str]) -> bool:
    """Whether these keys change nothing."""
    return all(keys.strip().lower() in MOVING for keys in chords)


def press(browser: BrowserSession, chords: list[tuple[str, ...]]) -> None:
    """Press the keys one after the other, where the focus is."""
    with browser.commanding() as driver:
        chain = ActionChains(driver, duration=0)
        for *held, last in chords:
            for key in held:
                chain.key_down(key)
            chain.send_keys(last)
            for key in reversed(held):
                chain.key_up(key)
        chain.perform()


def _key(name: str) -> str:
    if len(name) == 1 and name.isprintable():
        return name
    key = _NAMED.get(name.strip().lower())
    if key is None:
        raise ValueError(
            f"{name[:40]!r} is no key: write one character, or a name such as Enter, "
            "Tab, Escape, ArrowDown, PageUp or F5"
        )
    return key
