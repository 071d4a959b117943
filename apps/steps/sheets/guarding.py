"""Keeps texts from becoming formulas where a spreadsheet program opens them.

CSV has no types, so a program that opens it runs what looks like a formula; quotes
around the cell do not help. An apostrophe in front says that it is text.
"""

import re
import unicodedata

_STARTS = frozenset("=+-@\t\r\n")
_NUMBER = re.compile(r"[+-]?\d{1,30}([.,]\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)
# Programs may drop what cannot be seen before they look.
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def guarded(text: str) -> str:
    """The text, with an apostrophe in front if it could be taken for a formula.

    Plain numbers such as `-1.5` stay as they are. Full-width signs count as the
    ordinary ones.
    """
    return f"'{text}" if is_risky(text) else text


def is_risky(text: str) -> bool:
    """Whether a spreadsheet program could take the text for a formula."""
    if _NUMBER.fullmatch(text):
        return False
    for sign in text:
        if _plain(sign) in _STARTS:
            return True
        if unicodedata.category(sign) not in _INVISIBLE:
            return False
    return False


def _plain(sign: str) -> str:
    return unicodedata.normalize("NFKC", sign)
