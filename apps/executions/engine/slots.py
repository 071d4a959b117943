"""What each child of a worker is doing, in memory that parent and children share.

The parent makes the table before it forks; a child writes its own slot, the
supervisor reads all and writes the order and whom it is for: a child that has gone
on to another execution meanwhile does not take it for its own. No system call, no
lock: `state` is written last when a slot is taken and first when it is left.

Behind the slots stand the flags, which hold for the whole worker.
"""

import mmap
import os
import struct
import time
import uuid
from dataclasses import dataclass
from enum import IntEnum

# state, order, process id, lease token, deadline (time.monotonic), execution id
_LAYOUT = struct.Struct("=BBxxiqd16s")
_DEADLINE_AT = 16
# The end of the id that the order is for: that of a UUIDv7 is chance.
_MEANT_AT, _MEANT_BYTES = 40, 8
SIZE = 64  # one cache line each
FREE, BUSY, CLAIMING = 0, 1, 2
# How long a child waits for its predecessor to be buried.
BURIED_WITHIN_S = 60.0


class Order(IntEnum):
    """Why the supervisor interrupts a child."""

    NONE = 0
    CANCEL = 1
    TIMEOUT = 2
    LOST = 3
    HAND_BACK = 4
    MEMORY = 5
    CPU = 6


class Flag(IntEnum):
    """What holds for all children of a worker. Each has one writer, in the parent."""

    DRAINING = 0  # somebody asked that it takes nothing new
    STOPPING = 1  # it is shutting down
    OUTAGE = 2  # the broker does not answer


@dataclass(frozen=True, slots=True)
class Occupant:
    """What runs in a slot; `deadline` is a `time.monotonic()` value or 0."""

    index: int
    process_id: int
    execution_id: uuid.UUID
    lease_token: int
    deadline: float
    order: Order


class SlotTable:
    """Slots for `capacity` children.

    Args:
        capacity: how many children there are at most.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._flags_at = max(1, capacity) * SIZE
        self._memory = mmap.mmap(-1, self._flags_at + SIZE)

    def set(self, flag: Flag, *, to: bool) -> None:
        """Raise or lower a flag; children see it at once."""
        self._memory[self._flags_at + flag] = to

    def has(self, flag: Flag) -> bool:
        """Whether the flag is raised."""
        return bool(self._memory[self._flags_at + flag])

    @property
    def may_take(self) -> bool:
        """Whether a free child may claim another execution."""
        return not (self.has(Flag.DRAINING) or self.has(Flag.STOPPING))

    def occupants(self) -> list[Occupant]:
        """All busy slots."""
        return [found for index in range(self.capacity) if (found := self.read(index))]

    def read(self, index: int) -> Occupant | None:
        """The slot's occupant, or None when it is free."""
        state, order, pid, token, deadline, raw = _LAYOUT.unpack_from(
            self._memory, index * SIZE
        )
        if state != BUSY:
            return None
        return Occupant(index, pid, uuid.UUID(bytes=raw), token, deadline, Order(order))

    def claiming(self) -> list[tuple[int, int]]:
        """Index and process id of each child that is about to claim something."""
        heads = (
            (index, _LAYOUT.unpack_from(self._memory, index * SIZE))
            for index in range(self.capacity)
        )
        return [(index, head[2]) for index, head in heads if head[0] == CLAIMING]

    def order(self, occupant: Occupant, order: Order) -> None:
        """Tell the child why it is interrupted (the signal follows)."""
        at = occupant.index * SIZE
        meant = occupant.execution_id.bytes[-_MEANT_BYTES:]
        self._memory[at + _MEANT_AT : at + _MEANT_AT + _MEANT_BYTES] = meant
        self._memory[at + 1] = order

    def free(self, index: int) -> None:
        """Mark the slot free: its child is dead."""
        self._memory[index * SIZE] = FREE


class Slot:
    """One child's view of its own slot."""

    def __init__(self, table: SlotTable, index: int) -> None:
        self._memory = table._memory
        self._at = index * SIZE
        self._taken_by = b""

    def reserve(self, *, within_s: float = BURIED_WITHIN_S) -> bool:
        """Announce that a claim is under way; False when the slot stays another's.

        A child that died here left its slot as it was. Until the supervisor has seen
        it, its slot is the only thing that says what it was doing.
        """
        give_up = time.monotonic() + within_s
        own = os.getpid()
        while self._memory[self._at] != FREE:
            if _LAYOUT.unpack_from(self._memory, self._at)[2] == own:
                break
            if time.monotonic() > give_up:
                return False
            time.sleep(0.02)
        _LAYOUT.pack_into(
            self._memory, self._at, FREE, Order.NONE, own, 0, 0.0, bytes(16)
        )
        self._memory[self._at] = CLAIMING
        return True

    def take(self, execution_id: uuid.UUID, lease_token: int, deadline: float) -> None:
        """Announce what runs now."""
        self._taken_by = execution_id.bytes[-_MEANT_BYTES:]
        _LAYOUT.pack_into(
            self._memory,
            self._at,
            CLAIMING,  # never free in between: what is claimed has its mark
            Order.NONE,
            os.getpid(),
            lease_token,
            deadline,
            execution_id.bytes,
        )
        self._memory[self._at] = BUSY

    def leave(self) -> None:
        """Announce that nothing runs."""
        self._memory[self._at] = FREE

    def set_deadline(self, deadline: float) -> None:
        """Move the time (`time.monotonic()`) at which it is interrupted."""
        struct.pack_into("=d", self._memory, self._at + _DEADLINE_AT, deadline)

    @property
    def order(self) -> Order:
        """Why the supervisor interrupted us; NONE when it meant another."""
        at = self._at + _MEANT_AT
        if self._memory[at : at + _MEANT_BYTES] != self._taken_by:
            return Order.NONE
        return Order(self._memory[self._at + 1])

    def obey(self) -> None:
        """Take notice of an order: it is carried out."""
        self._memory[self._at + 1] = Order.NONE

    @property
    def is_ordered(self) -> bool:
        """Whether the supervisor wants what runs now to stop."""
        return self.order is not Order.NONE

    @property
    def is_overdue(self) -> bool:
        """Whether the execution's own deadline has passed."""
        at = self._at + _DEADLINE_AT
        deadline: float = struct.unpack_from("=d", self._memory, at)[0]
        return deadline > 0 and time.monotonic() >= deadline
