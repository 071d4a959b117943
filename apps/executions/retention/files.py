"""Removing the files of executions that are gone.

A file goes only after the deletion of its row has been committed, so no row is
ever without its file. What a crash leaves in between is found by the sweep.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import Organization
from apps.core import tenancy
from apps.core.ids import uuid7_time
from apps.executions.engine.artifacts import folder_of
from apps.executions.models import Execution

log = logging.getLogger(__name__)

# Executions are committed before they make files; far more than clocks may differ.
OLD_ENOUGH = timedelta(days=1)
_AT_ONCE = 500


def remove_files(
    organization_id: uuid.UUID, executions: Iterable[uuid.UUID], files: Iterable[str]
) -> int:
    """Remove these files, and what else lies in the executions' folders.

    Returns: how many files are gone. What cannot be removed now, the sweep will.
    """
    removed = sum(_removed(name) for name in files)
    return removed + sum(_cleared(organization_id, one) for one in executions)


def sweep_files() -> int:
    """Remove files whose execution is gone; gives how many.

    Only folders of organizations that this database knows are looked at: others
    may share the storage.
    """
    with tenancy.system():
        organizations = list(Organization.objects.values_list("id", flat=True))
    return sum(map(_swept, organizations))


def _swept(organization_id: uuid.UUID) -> int:
    found = list(_folders(organization_id))
    removed = 0
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        with tenancy.tenant(organization_id):
            rows = Execution.objects.filter(id__in=some).values_list("id", flat=True)
            gone = set(some) - set(rows)
        removed += sum(_cleared(organization_id, one) for one in gone)
    return removed


def _folders(organization_id: uuid.UUID) -> Iterator[uuid.UUID]:
    """The executions that have a folder and are old enough to be judged."""
    before = timezone.now() - OLD_ENOUGH
    for name in _listed(f"artifacts/{organization_id}")[0]:
        try:
            execution_id = uuid.UUID(name)
        except ValueError:
            continue  # not ours
        if uuid7_time(execution_id) < before:
            yield execution_id


def _cleared(organization_id: uuid.UUID, execution_id: uuid.UUID) -> int:
    """Remove an execution's folder; gives how many files lay in it."""
    folder = folder_of(organization_id, execution_id)
    removed = sum(_removed(f"{folder}/{name}") for name in _listed(folder)[1])
    _removed(folder)  # on a disk; object stores have none
    return removed


def _listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
    except Exception as error:
        # Each kind of storage fails in its own way, and none may stop the pruner.
        log.warning("files not listed", extra={"error": repr(error)[:200]})
        return [], []


def _removed(name: str) -> bool:
    try:
        default_storage.delete(name)
    except Exception as error:
        # As above; the sweep will try again.
        log.warning("file not removed", extra={"error": repr(error)[:200]})
        return False
    return True
