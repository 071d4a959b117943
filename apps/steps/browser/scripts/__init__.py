"""The scripts that run in pages, ready to be sent."""

import functools
from pathlib import Path

_HERE = Path(__file__).parent
_PAGE = ("tree.js", "naming.js", "page.js")
_SEEN = (*_PAGE, "sight.js")
_PARTS: dict[str, tuple[str, ...]] = {
    "rpa": _PAGE,
    "reading": (*_PAGE, "read.js"),
    "acting": (*_SEEN, "act.js"),
    "reaching": (*_SEEN, "masks.js", "reach.js"),
    "filling": (*_SEEN, "act.js", "masks.js", "reach.js", "forms.js"),
    "keeping": ("keep.js",),
    "evidence": ("masks.js", "evidence.js"),
}


@functools.cache
def script_for(function: str) -> str:
    """The script that calls a function of the page's side, `reading.extract`.

    What the function is called with goes along as the script's arguments, so nothing
    from a workflow is ever part of a script's text.
    """
    parts = _PARTS[function.partition(".")[0]]
    source = "\n".join(_source(name) for name in parts)
    return f"{source}\nreturn {function}(...arguments);"


@functools.cache
def _source(name: str) -> str:
    """A script without comments and indentation: it is sent with every command."""
    text = (_HERE / name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
