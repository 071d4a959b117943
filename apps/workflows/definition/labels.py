"""Labels: what people find executions by, such as `team: finance`."""

from apps.core.paths import Path
from apps.core.text import has_controls
from apps.workflows.definition.problems import Problems

MOST_LABELS, LONGEST_NAME, LONGEST_VALUE = 50, 64, 200
# They part the name from the value wherever a label is written as one text.
_SIGNS = frozenset(":=")


def check_label_name(text: str) -> str:
    """`text`, when it can be the name of a label.

    Raises:
        ValueError: it cannot.
    """
    is_fitting = 0 < len(text) <= LONGEST_NAME and _SIGNS.isdisjoint(text)
    if not is_fitting or not _is_line(text):
        raise ValueError(
            f"must be a name of 1 to {LONGEST_NAME} characters in one line, without : "
            "and = and without spaces around it"
        )
    return text


def check_label_value(text: str) -> str:
    """`text`, when it can be the value of a label; it may be empty.

    Raises:
        ValueError: it cannot.
    """
    if len(text) > LONGEST_VALUE or not _is_line(text):
        raise ValueError(
            f"must be one line of {LONGEST_VALUE} characters at most, without spaces "
            "around it"
        )
    return text


def check_labels(given: object, *, at: str = "labels") -> dict[str, str]:
    """The labels that somebody gives an execution.

    Args:
        at: where the request has them.

    Raises:
        Invalid: with one entry for each that cannot be used.
    """
    problems = Problems()
    if not isinstance(given, dict):
        problems.add((at,), "must be an object")
    elif len(given) > MOST_LABELS:
        problems.add((at,), f"must be {MOST_LABELS} at most")
    else:
        for name, value in given.items():
            _check_one(name, value, (at, str(name)), problems)
    problems.raise_if_any("The labels are not valid.")
    return dict(given) if isinstance(given, dict) else {}


def _check_one(name: object, value: object, at: Path, problems: Problems) -> None:
    if not isinstance(name, str) or not isinstance(value, str):
        problems.add(at, "must be a text")
        return
    try:
        check_label_name(name)
        check_label_value(value)
    except ValueError as error:
        problems.add(at, str(error))


def _is_line(text: str) -> bool:
    return text == text.strip() and not has_controls(text, one_line=True)
