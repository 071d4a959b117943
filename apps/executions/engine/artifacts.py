"""Keeps the files that an execution makes: by its steps, or as evidence of them."""

import re
import uuid
from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.core.types import JsonObject
from apps.executions.engine import interrupts
from apps.executions.engine.persistence import persistently
from apps.executions.models import Artifact
from apps.steps.browser.evidence.collecting import Piece

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
        artifact = self._stored(name, content, content_type)
        self._commit([artifact])
        return _shown(artifact)

    def keep(self, pieces: Iterable[Piece], *, attempt: int) -> JsonObject:
        """Keep evidence of an attempt; gives `{artifact, …}` of each by its kind."""
        artifacts = []
        for piece in pieces:
            made = self._stored(piece.name, piece.content, piece.content_type)
            made.kind, made.attempt = piece.kind, attempt
            artifacts.append(made)
        self._commit(artifacts)
        return {one.kind: _shown(one) for one in artifacts}

    def _stored(self, name: str, content: bytes, content_type: str) -> Artifact:
        """The row of a file that lies in the storage now."""
        artifact_id = uuid7()
        safe = _UNSAFE.sub("-", name).strip("-.")[-80:] or "file"
        folder = folder_of(self._organization_id, self._execution_id)
        place = f"{folder}/{artifact_id}-{safe}"
        stored = default_storage.save(place, ContentFile(content))
        return Artifact(
            id=artifact_id,
            organization_id=self._organization_id,
            execution_id=self._execution_id,
            path=self._path,
            name=name[:200],
            content_type=content_type,
            bytes=len(content),
            file=stored,
        )

    def _commit(self, artifacts: list[Artifact]) -> None:
        def insert() -> None:
            with tenancy.tenant(self._organization_id):
                # A commit that was not acknowledged comes again.
                Artifact.objects.bulk_create(artifacts, ignore_conflicts=True)

        with interrupts.shielded():
            persistently(insert)


def _shown(artifact: Artifact) -> JsonObject:
    return {
        "artifact": str(artifact.id),
        "name": artifact.name,
        "content_type": artifact.content_type,
        "bytes": artifact.bytes,
    }
