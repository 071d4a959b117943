"""Keeps the files that an execution makes as evidence."""

import re
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.core.types import JsonObject
from apps.executions.engine import interrupts
from apps.executions.engine.persistence import persistently
from apps.executions.models import Artifact

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def folder_of(organization_id: uuid.UUID, execution_id: uuid.UUID) -> str:
    """Where an execution's artifacts lie in the storage."""
    return f"artifacts/{organization_id}/{execution_id}"


class ArtifactStore:
    """Saves artifacts of one step."""

    def __init__(
        self, organization_id: uuid.UUID, execution_id: uuid.UUID, path: str
    ) -> None:
        self._organization_id = organization_id
        self._execution_id = execution_id
        self._path = path

    def save(self, name: str, content: bytes, content_type: str) -> JsonObject:
        """Keep it; gives `{artifact, name, content_type, bytes}`."""
        artifact_id = uuid7()
        safe = _UNSAFE.sub("-", name).strip("-.")[-80:] or "file"
        folder = folder_of(self._organization_id, self._execution_id)
        place = f"{folder}/{artifact_id}-{safe}"
        stored = default_storage.save(place, ContentFile(content))
        artifact = Artifact(
            id=artifact_id,
            organization_id=self._organization_id,
            execution_id=self._execution_id,
            path=self._path,
            name=name[:200],
            content_type=content_type,
            bytes=len(content),
            file=stored,
        )
        with interrupts.shielded():
            persistently(lambda: self._keep(artifact))
        return {
            "artifact": str(artifact_id),
            "name": name[:200],
            "content_type": content_type,
            "bytes": len(content),
        }

    def _keep(self, artifact: Artifact) -> None:
        with tenancy.tenant(self._organization_id):
            # A commit that was not acknowledged comes again.
            Artifact.objects.bulk_create([artifact], ignore_conflicts=True)
