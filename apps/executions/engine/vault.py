"""Masking and unmasking of what one execution hands over to be stored."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.core.types import Json
from apps.executions.engine.masking import Masker


@dataclass(frozen=True, slots=True)
class Vault:
    """The secrets of one execution and what masks them."""

    masker: Masker
    secrets: Mapping[str, str]

    def close(self, value: Json) -> Json:
        """`value` as it may be stored."""
        return self.masker.mask(value)

    def open(self, value: Json) -> Json:
        """A stored `value` with its secrets put back."""
        return self.masker.unmask(value, self.secrets)
