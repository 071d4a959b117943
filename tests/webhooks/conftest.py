"""A webhook of acme on a real local receiver."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from apps.core import tenancy
from apps.events import publisher, telling
from apps.events.services import emit
from apps.webhooks.models import Attempt, Delivery, Webhook
from apps.webhooks.sending import serve
from tests.fixtures_cast import Person

TYPE = "workflow-changed"


class Hooks:
    """What tests do with webhooks of one organization."""

    def __init__(self, person: Person, url: Callable[..., str]) -> None:
        self.person, self._url = person, url
        self.hear()

    def make(self, path: str = "/in", **more: Any) -> dict[str, Any]:
        """A webhook as the API shows it, with its secret."""
        sent = {"name": "ours", "url": self._url(path), "event_types": [TYPE], **more}
        answer = self.person.client.post("/api/webhooks", sent)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    def say(self, type_: str = TYPE, **payload: Any) -> None:
        """Emit an event of the organization."""
        place = self.person.organization_id
        with tenancy.tenant(place):
            emit(type_, organization_id=place, payload=payload)

    def hear(self) -> None:
        """Publish what was said, and tell the subscribers."""
        while publisher.publish_batch():
            pass
        while telling.tell_all():
            pass

    def send(self) -> None:
        """Send all that is due."""
        while serve():
            pass

    def go(self, **payload: Any) -> None:
        """Say something and have it sent."""
        self.say(**payload)
        self.hear()
        self.send()

    def all_due(self) -> None:
        """Time passes: all that waits is due."""
        with tenancy.system():
            Delivery.objects.update(due_at=Now() - timedelta(seconds=1))

    def deliveries(self) -> list[Delivery]:
        with tenancy.system():
            return list(Delivery.objects.order_by("id"))

    def attempts(self) -> list[Attempt]:
        with tenancy.system():
            return list(Attempt.objects.order_by("id"))

    def hook(self) -> Webhook:
        with tenancy.system():
            return Webhook.objects.get()

    def post(self, made: dict[str, Any], path: str, **body: Any) -> Any:
        """POST below a webhook's address."""
        return self.person.client.post(f"/api/webhooks/{made['id']}/{path}", body)


@pytest.fixture
def hooks(alice: Person, http_server, settings) -> Hooks:
    settings.EGRESS_ALLOW = http_server.address
    http_server.answers("/in", status=204)
    return Hooks(alice, http_server.url)
