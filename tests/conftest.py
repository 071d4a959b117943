"""Fixtures for all tests: the settings' environment, servers, databases.

Each process of a run has a database, a Redis prefix and a files directory of its
own, so tests run in parallel. The application signs in as its own role, so row
level security is real in tests.
"""

import os
from collections.abc import Iterator

import django
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests import cleaning
from tests.servers import TestRun, current_run

# Before Django reads its settings; processes that tests start read the same.
RUN = current_run()
os.environ.update(RUN.environment)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")
os.environ.setdefault("SECRET_KEY", "tests-only-" + "0123456789abcdef" * 4)
os.environ.setdefault(
    "FIELD_ENCRYPTION_KEYS", "dGVzdHMtb25seS1rZXktMDEyMzQ1Njc4OWFiY2RlZjA="
)
django.setup()

# The settings are read. Processes of a parallel run inherit this environment, and
# with the name in it they would read them before they have a database of their own.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)

pytest_plugins = [
    "tests.fixtures_http",
    "tests.fixtures_cast",
    "tests.fixtures_steps",
    "tests.fixtures_engine",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let the processes of a parallel run read the settings as late as this one."""
    # With the name in their environment they would do it before their own conftest
    # has named their own database.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process of the run ends what the run started."""
    if not hasattr(config, "workerinput"):
        RUN.finish()


@pytest.fixture(scope="session")
def servers() -> TestRun:
    """PostgreSQL and Redis run; their addresses stand in the environment."""
    RUN.start()
    return RUN


@pytest.fixture(scope="session")
def django_db_setup(
    servers: TestRun,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """A migrated database of this process, cloned from the run's template."""
    servers.make_database()
    cleaning.install()
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    servers.drop_database()
