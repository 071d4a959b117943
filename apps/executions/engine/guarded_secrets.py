"""Secrets as the expressions of a running execution see them."""

from collections.abc import Iterator, Mapping

from apps.executions.engine import interrupts
from apps.executions.engine.persistence import persistently
from apps.workflows.secret_values import SecretValues


class GuardedSecrets(Mapping[str, str]):
    """Looks secrets up without being interrupted in the middle of a query.

    A database that does not answer for a while makes it wait, not fail.
    """

    def __init__(self, values: SecretValues) -> None:
        self._values = values
        self.resolved = values.resolved

    def __getitem__(self, name: str) -> str:
        known = self.resolved.get(name)
        if known is not None:
            return known
        with interrupts.shielded():
            return persistently(lambda: self._values[name])

    def __iter__(self) -> Iterator[str]:
        with interrupts.shielded():
            return iter(persistently(lambda: list(self._values)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(self._values)
