"""The fixed cast: alice owns, bob is a member, carol is a stranger."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from apps.accounts.authentication import viewer_by_token
from apps.accounts.models import Membership, Organization, User
from apps.accounts.roles import Role
from apps.accounts.services.keys import api_key_create
from apps.accounts.services.signing_in import sign_in_start
from apps.accounts.viewer import Viewer
from apps.core import tenancy

PASSWORD = "correct horse battery"


class JsonClient(APIClient):
    """Sends JSON unless told otherwise."""

    default_format = "json"


@dataclass
class Person:
    """A user with a place in an organization, signed in."""

    user: User
    organization: Organization
    client: JsonClient
    viewer: Viewer
    access: str
    refresh: str
    membership_id: uuid.UUID
    password: str = PASSWORD

    @property
    def organization_id(self) -> uuid.UUID:
        return self.organization.id

    @property
    def email(self) -> str:
        return self.user.email


def sign_in(user: User, organization: Organization) -> Person:
    """The user with fresh tokens for the organization."""
    with tenancy.system():
        pair = sign_in_start(user, organization_id=organization.id)
        membership = Membership.objects.get(user=user, organization=organization)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return Person(
        user=user,
        organization=organization,
        client=client,
        viewer=viewer_by_token(pair.access),
        access=pair.access,
        refresh=pair.refresh,
        membership_id=membership.id,
    )


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of everybody's password: slow to make, so made once."""
    return make_password(PASSWORD)


@pytest.fixture
def make_person(
    db: None, password_hash: str
) -> Callable[[str, Organization, str], Person]:
    """Makes a user with a role in an organization."""

    def make(name: str, organization: Organization, role: str) -> Person:
        user = User.objects.create(
            email=f"{name}@example.com",
            name=name.title(),
            password=password_hash,
            recent_organization=organization.id,
        )
        with tenancy.system():
            Membership.objects.create(organization=organization, user=user, role=role)
        return sign_in(user, organization)

    return make


def _organization(slug: str) -> Organization:
    with tenancy.system():
        return Organization.objects.create(name=slug.title(), slug=slug)


@pytest.fixture
def acme(db: None) -> Organization:
    """The organization of alice and bob."""
    return _organization("acme")


@pytest.fixture
def alice(make_person: Callable[..., Person], acme: Organization) -> Person:
    """The owner of acme."""
    return make_person("alice", acme, Role.OWNER)


@pytest.fixture
def bob(make_person: Callable[..., Person], acme: Organization) -> Person:
    """A viewer of acme."""
    return make_person("bob", acme, Role.VIEWER)


@pytest.fixture
def carol(make_person: Callable[..., Person]) -> Person:
    """A stranger: the owner of another organization."""
    return make_person("carol", _organization("other"), Role.OWNER)


@pytest.fixture
def member(
    make_person: Callable[..., Person], acme: Organization
) -> Callable[[str], Person]:
    """Makes a member of acme with the given role, named by it."""
    return lambda role: make_person(f"{role}-of-acme", acme, role)


@pytest.fixture
def anonymous(db: None) -> JsonClient:
    """A client that has not signed in."""
    return JsonClient()


@pytest.fixture
def api_key(alice: Person) -> Callable[..., JsonClient]:
    """Makes a client with an API key of acme."""

    def make(*scopes: str, role: str = Role.ADMIN) -> JsonClient:
        with tenancy.tenant(alice.organization_id):
            made = api_key_create(
                viewer=alice.viewer, name="robot", role=role, scopes=scopes
            )
        client = JsonClient()
        client.credentials(HTTP_X_API_KEY=made.key)
        return client

    return make
