"""Pages of lists."""

import pytest

from apps.accounts.models import ApiKey
from apps.core import tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(alice):
    """25 keys whose names and uses repeat."""
    with tenancy.tenant(alice.organization_id):
        ApiKey.objects.bulk_create(
            ApiKey(
                organization_id=alice.organization_id,
                name=f"robot {number % 3}",
                key_hash=str(number),
                role="viewer",
                scopes=["read"],
                last_used_at="2026-01-01T00:00:00.123456Z" if number % 2 else None,
            )
            for number in range(25)
        )


def walk(client, query):
    """All rows over all pages."""
    rows, url = [], f"/api/api-keys?{query}"
    while url:
        page = client.get(url).json()
        assert set(page) == {"results", "next"}
        rows, url = rows + page["results"], page["next"]
    return rows


@pytest.mark.parametrize(
    "ordering",
    ["", "name", "-name", "created_at", "-created_at", "last_used_at", "-last_used_at"],
)
@pytest.mark.parametrize("limit", [1, 7, 25, 200])
def test_every_row_is_shown_once(alice, keys, ordering, limit):
    query = f"limit={limit}" + (f"&ordering={ordering}" if ordering else "")
    rows = walk(alice.client, query)
    assert len(rows) == len({row["id"] for row in rows}) == 25
    if ordering == "name":
        assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    if not ordering:
        ids = [row["id"] for row in rows]
        assert ids == sorted(ids, reverse=True)


def test_a_row_made_meanwhile_moves_nothing(alice, keys):
    page = alice.client.get("/api/api-keys?limit=10").json()
    alice.client.post("/api/api-keys", {"name": "new"})
    rest = walk(alice.client, page["next"].partition("?")[2])
    assert len(rest) == 15


def test_a_cursor_belongs_to_its_ordering(alice, keys):
    page = alice.client.get("/api/api-keys?limit=10&ordering=name").json()
    other = page["next"].replace("ordering=name", "ordering=-name")
    assert alice.client.get(other).status_code == 400


def test_a_page_has_fifty_rows_by_default(alice, keys):
    assert len(alice.client.get("/api/api-keys").json()["results"]) == 25
