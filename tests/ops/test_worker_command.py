"""`manage.py worker` refuses what it cannot do."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("concurrency", [-1, 257])
def test_no_more_children_than_there_are_slots(concurrency):
    with pytest.raises(CommandError, match="from 1 to 256"):
        call_command("worker", concurrency=concurrency)


def test_a_worker_without_a_pool_is_refused():
    with pytest.raises(CommandError, match="no pool"):
        call_command("worker", pool=" , ")


def test_a_grid_whose_browsers_cannot_reach_the_proxy_is_refused(settings):
    settings.SELENIUM_REMOTE_URL = "http://robot:guess@grid.example:4444"
    with pytest.raises(CommandError, match="cannot reach the egress") as caught:
        call_command("worker")
    assert "guess" not in str(caught.value)


def test_a_proxy_that_is_open_to_all_is_refused(settings):
    settings.EGRESS_PROXY_LISTEN = "0.0.0.0"
    with pytest.raises(CommandError, match="EGRESS_PROXY_PEERS"):
        call_command("worker")
