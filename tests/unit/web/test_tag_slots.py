"""The cache of tags in use is bounded in number and in size."""

from __future__ import annotations

from disco_master.ddfs.names import ObjectName, Stamp
from disco_master.ddfs.tag import Tag
from disco_master.shell.tag_slots import TagSlots


def fill(slots: TagSlots, name: str, size: int) -> None:
    with slots.use(name) as slot:
        slot.hold(ObjectName(name, Stamp(1, 1, 1)), Tag(), size, None)


def test_the_least_recently_used_goes_first() -> None:
    slots = TagSlots(max_tags=2, max_bytes=1000)
    for name in ("a", "b", "a", "c"):
        fill(slots, name, 1)
    with slots.use("a") as kept, slots.use("b") as gone:
        assert kept.tag is not None
        assert gone.tag is None


def test_number_and_bytes_on_both_sides() -> None:
    slots = TagSlots(max_tags=3, max_bytes=10)
    for name, size in (("a", 5), ("b", 5), ("c", 0)):
        fill(slots, name, size)
    assert (len(slots), slots.idle_bytes) == (3, 10)
    fill(slots, "d", 0)
    assert (len(slots), slots.idle_bytes) == (3, 5)
    fill(slots, "c", 6)
    assert slots.idle_bytes == 6


def test_a_slot_in_use_is_never_evicted() -> None:
    slots = TagSlots(max_tags=1, max_bytes=10)
    with slots.use("a") as outer:
        fill(slots, "b", 99)
        with slots.use("a") as inner:
            assert inner is outer
    assert len(slots) == 1
