"""Slots: what each child of a worker does, in shared memory."""

import os
import sys
import time
import uuid

from apps.executions.engine.slots import Order, Slot, SlotTable


def taken(table, index=0, token=7, deadline=0.0):
    slot, execution_id = Slot(table, index), uuid.uuid4()
    slot.take(execution_id, token, deadline)
    return slot, execution_id


def test_a_taken_slot_shows_who_runs_what():
    table = SlotTable(3)
    _, execution_id = taken(table, 1, deadline=5.5)
    (found,) = table.occupants()
    assert (found.index, found.process_id, found.execution_id) == (
        1,
        os.getpid(),
        execution_id,
    )
    assert (found.lease_token, found.deadline) == (7, 5.5)


def test_a_left_slot_is_free():
    table = SlotTable(1)
    slot, _ = taken(table)
    slot.leave()
    assert table.occupants() == []


def test_neighbors_do_not_touch_each_other():
    table = SlotTable(256)
    ids = [taken(table, index, token=2**40 + index)[1] for index in range(256)]
    assert [one.execution_id for one in table.occupants()] == ids
    assert table.occupants()[255].lease_token == 2**40 + 255


def test_a_child_reads_its_order():
    table = SlotTable(1)
    slot, _ = taken(table)
    assert not slot.is_ordered
    table.order(table.read(0), Order.CANCEL)
    assert slot.order is Order.CANCEL


def test_an_order_for_the_execution_before_is_not_taken_for_ones_own():
    table = SlotTable(1)
    slot, _ = taken(table)
    earlier = table.read(0)
    slot.take(uuid.uuid4(), 1, 0.0)
    table.order(earlier, Order.CANCEL)
    assert slot.order is Order.NONE


def test_an_order_is_forgotten_with_the_next_execution():
    table = SlotTable(1)
    slot, execution_id = taken(table)
    table.order(table.read(0), Order.LOST)
    slot.take(execution_id, 8, 0.0)
    assert slot.order is Order.NONE


def test_only_a_deadline_that_is_set_and_past_is_overdue():
    slot, _ = taken(SlotTable(1))
    assert not slot.is_overdue
    slot.set_deadline(time.monotonic() + 60)
    assert not slot.is_overdue
    slot.set_deadline(time.monotonic() - 0.001)
    assert slot.is_overdue


def test_children_and_parent_share_the_table():
    table = SlotTable(1)
    if (pid := os.fork()) == 0:
        Slot(table, 0).take(uuid.UUID(int=5), 1, 0.0)
        os._exit(0)
    os.waitpid(pid, 0)
    found = table.read(0)
    assert (found.process_id, found.execution_id) == (pid, uuid.UUID(int=5))


def test_a_slot_waits_until_the_one_who_died_in_it_is_buried():
    table = SlotTable(1)
    slot, execution_id = taken(table)
    table._memory[4:8] = (os.getpid() + 1).to_bytes(4, sys.byteorder)
    assert not slot.reserve(within_s=0.05)
    assert table.read(0).execution_id == execution_id
    table.free(0)
    assert slot.reserve(within_s=0.05)
    assert (table.occupants(), table.claiming()) == ([], [(0, os.getpid())])


def test_a_claim_that_found_nothing_leaves_the_slot_free():
    table = SlotTable(1)
    slot = Slot(table, 0)
    assert slot.reserve()
    slot.leave()
    assert table.claiming() == []
