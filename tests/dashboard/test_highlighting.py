"""The colors of the editor, as the browser has them."""

import pytest

from tests.dashboard.browsing import complaints, paint
from tests.dashboard.test_editor import made, path_of
from tests.dashboard.test_editor_browser import editor

__all__ = ["editor"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = """\
# a remark
name: Colors
inputs:
  who: {type: string, default: "a text"}
steps:
  - id: one
    type: delay
    params: {seconds: 2.5}
    disabled: true
    if: "{{ inputs.who | upper == 'X' and 3 > 2 }}"
"""
# Text, classes and color of each piece of the drawn lines.
_PIECES = """
    const pieces = document.querySelectorAll("[data-layer] .line span[class^=t-]");
    return [...pieces].map((one) => {
      const { color, backgroundColor } = getComputedStyle(one);
      return [one.textContent, one.className, color, backgroundColor];
    });
"""
WANTED = {
    "# a remark": "t-comment",
    "name": "t-key",
    "seconds": "t-key",
    "Colors": "t-text",
    '"a text"': "t-text",
    "2.5": "t-number",
    "true": "t-word",
    "{{ inputs.who ": "t-expression",
    "| upper": "t-expression t-filter",
    "'X'": "t-expression t-text",
    "and": "t-expression t-word",
    "3": "t-expression t-number",
}
KINDS = ("# a remark", "name", "Colors", "2.5", "{{ inputs.who ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keys_texts_and_expressions_have_classes_and_colors_of_their_own(
    editor, alice, browser, scheme
):
    paint(browser, scheme)
    editor.open(path_of(made(alice, TEXT)))
    pieces = browser.execute_script(_PIECES)
    found = {text: tuple(rest) for text, *rest in pieces}
    assert {text: found[text][0] for text in WANTED} == WANTED
    colors = [found[text][1] for text in KINDS]
    assert len(set(colors)) == len(KINDS), dict(zip(KINDS, colors, strict=True))
    # An expression stands out of the text around it by its ground as well.
    assert found["{{ inputs.who "][2] != found["Colors"][2]
    # All of them are the text itself, nothing left out or made up.
    lines = browser.execute_script(
        "return [...document.querySelectorAll('[data-layer] .line')]"
        ".map((one) => one.firstChild ? [...one.childNodes]"
        ".filter((node) => !node.classList?.contains('wave'))"
        ".map((node) => node.textContent).join('') : '')"
    )
    assert lines[: len(TEXT.splitlines())] == TEXT.splitlines()
    paint(browser, "light")
    assert complaints(browser) == []


def test_colors_follow_what_is_typed(editor, alice, browser):
    editor.open(path_of(made(alice, TEXT)))
    editor.go_to("name: Colors")
    editor.type(" {{ 1 }} # end")

    def drawn() -> dict[str, str]:
        pieces = browser.execute_script(_PIECES)
        return {text: classes for text, classes, *_ in pieces}

    assert drawn()["1"] == "t-expression t-number"
    assert drawn()["# end"] == "t-comment"
