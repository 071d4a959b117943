"""Writes of the pages' own: filters that people name."""

import uuid

from django.db import transaction

from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.text import has_controls
from apps.dashboard.models import SavedFilter

MOST_FILTERS = 50
LONGEST_NAME, LONGEST_QUERY = 60, 2_000


@transaction.atomic
def filter_save(*, by: Viewer, name: str, query: str) -> SavedFilter:
    """Keep a filter under a name; one of the same name is replaced.

    Raises:
        Invalid: no name, or one that is too long or cannot be shown; no filter, or
            one that is too long.
        Conflict: the user has too many already.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or has_controls(name, one_line=True):
        raise Invalid(f"Name the filter in {LONGEST_NAME} characters at most.")
    if not query:
        raise Invalid("Choose something to filter by first.")
    if len(query) > LONGEST_QUERY:
        raise Invalid("The filter is too long to be kept.")
    mine = SavedFilter.objects.filter(user_id=by.require_user().id)
    if mine.exclude(name=name).count() >= MOST_FILTERS:
        raise Conflict(f"You have {MOST_FILTERS} filters already; delete one first.")
    found, _ = SavedFilter.objects.update_or_create(
        organization_id=by.organization_id,
        user_id=by.require_user().id,
        name=name,
        defaults={"query": query},
    )
    return found


def filter_delete(*, by: Viewer, filter_id: uuid.UUID) -> None:
    """Forget a filter of one's own.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    rows = SavedFilter.objects.filter(id=filter_id, user_id=by.require_user().id)
    if not rows.delete()[0]:
        raise NotFound("There is no such filter.")
