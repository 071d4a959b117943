"""What every operation on rows has in common."""

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import model_validator

from apps.core.types import Json
from apps.steps.base import Params


def as_list(value: Any) -> Any:
    """What stands alone where a list may stand, as a list."""
    return value if isinstance(value, list | tuple) else [value]


class Operation(Params):
    """One change to all rows."""

    # The field that a value stands for which is no mapping: `limit: 10`.
    shorthand: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, given: Any) -> Any:
        if cls.shorthand is None or isinstance(given, dict | Operation):
            return given
        return {cls.shorthand: given}

    @abstractmethod
    def apply(self, data: Json) -> Json:
        """The rows afterwards; those given are not changed.

        Raises:
            PermanentFailure: the rows do not allow it; names the row.
        """
