"""Names of columns."""

from apps.core.types import Json

_MAX_NAME = 500


def column_letter(index: int) -> str:
    """Excel's name of a column, counted from 0: A, B, … Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def name_columns(
    header: list[Json], width: int, start: int, warnings: list[str]
) -> list[str]:
    """A name of its own for each column.

    Args:
        header: the cells of the header's row.
        start: index of the first column in the sheet, from 0.
        warnings: gets one for names that had to be made up.
    """
    names: list[str] = []
    taken: set[str] = set()
    made: list[str] = []
    for at in range(width):
        given = header[at] if at < len(header) else None
        text = "" if given is None else " ".join(str(given).split())[:_MAX_NAME]
        name = _free(text or column_letter(start + at), taken)
        if name != text:
            made.append(name)
        taken.add(name)
        names.append(name)
    if made:
        listed = ", ".join(made[:10])
        warnings.append(f"Columns without a name of their own are called: {listed}.")
    return names


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
