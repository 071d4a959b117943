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
