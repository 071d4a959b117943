"""The secrets of an organization as expressions see them: opened one by one."""

import uuid
from collections.abc import Iterator, Mapping

from django.db.models import QuerySet

from apps.core import tenancy
from apps.core.crypto import decrypt
from apps.workflows.models import Secret


class SecretValues(Mapping[str, str]):
    """Looks up and decrypts a secret when it is asked for by its name.

    Attributes:
        resolved: the values that were asked for so far, by name; to be masked.
    """

    def __init__(self, organization_id: uuid.UUID) -> None:
        self.organization_id = organization_id
        self.resolved: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self.resolved:
            self.resolved[name] = self._open(name)
        return self.resolved[name]

    def __iter__(self) -> Iterator[str]:
        with tenancy.tenant(self.organization_id):
            found = self._secrets().order_by("name").values_list("name", flat=True)
            return iter(list(found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<secrets of {self.organization_id}>"

    def _open(self, name: str) -> str:
        with tenancy.tenant(self.organization_id):
            secret = self._secrets().filter(name=name).first()
        if secret is None:
            raise KeyError(name)
        return decrypt(secret.encrypted, owner=secret.owner)

    def _secrets(self) -> QuerySet[Secret]:
        return Secret.objects.filter(organization_id=self.organization_id)
