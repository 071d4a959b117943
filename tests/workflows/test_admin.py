"""The operators' admin shows workflows and secrets, and no secret's value."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.core import tenancy
from apps.workflows import services
from tests.fixtures_cast import Person
from tests.workflows.documents import step, with_steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    """Signed in to the admin."""
    user = get_user_model().objects.create(
        email="operator@example.com", is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    return client


def test_shows_rows_of_all_organizations_and_no_value(
    alice: Person, operator: Client
) -> None:
    with tenancy.tenant(alice.organization_id):
        services.workflow_create(by=alice.viewer, document=with_steps(step()))
        secret = services.secret_create(
            by=alice.viewer, name="api_key", value="p4ss-word"
        )
    for name in ("workflow", "workflowversion", "secret"):
        page = operator.get(f"/admin/workflows/{name}/")
        assert page.status_code == 200
    page = operator.get(f"/admin/workflows/secret/{secret.id}/change/")
    assert "api_key" in page.content.decode()
    assert secret.encrypted not in page.content.decode()
