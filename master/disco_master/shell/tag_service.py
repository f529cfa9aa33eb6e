"""The tag operations of DDFS (`web.door.TagDoor`): one after another for each tag, tags side by side.

A slot holds the newest version of a tag that is in use. Before it is trusted it is compared with the
index of what the nodes hold, so a node that comes back with something newer is noticed. Appends to one
tag that arrive while another commit is under way share the next one; `delayed` ones wait for company.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from ..ddfs import names, tag
from ..ddfs.names import DELETED_TAG, TAG_SCHEME, BadNameError, ObjectName, Stamp
from ..ddfs.placement import NotEnoughNodesError, StorageNode, choose_for_blob, replicas_by_default
from ..ddfs.tag import Tag
from ..web.door import TagError
from .tag_nodes import NodeCall, TagNodes, TryAgainError
from .tag_slots import PendingAppend, Slot, TagSlots

DELAY_S = 1.0

log = logging.getLogger(__name__)
Change = Callable[[Tag], Tag]


@dataclass(frozen=True, slots=True)
class TagConfig:
    """K for tags and blobs is at most the number of nodes (C9). Below `min_replicas` a change fails."""

    put_port: int = 8990
    tag_replicas: int = 3
    min_replicas: int = 1
    blob_replicas: int = 3
    delay_s: float = DELAY_S


class TagService:
    """`nodes` gives every configured node, connected or not; a node is usable if it may get new data."""

    def __init__(
        self,
        nodes: Callable[[], Sequence[StorageNode]],
        call: NodeCall,
        config: TagConfig,
        *,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        seed: int | None = None,
    ) -> None:
        self._list_nodes, self._config, self._clock_us = nodes, config, clock_us
        self._rng = Random(seed)
        self._nodes = TagNodes(
            nodes, call, replicas=config.tag_replicas, min_replicas=config.min_replicas, rng=self._rng
        )
        self._slots = TagSlots()
        self._hidden: tuple[ObjectName | None, frozenset[str]] = (None, frozenset())
        self._stamps = threading.Lock()
        self._last_us = 0

    def close(self) -> None:
        self._nodes.close()

    def new_blob(
        self, name: str, *, replicas: int | None, exclude: Sequence[str], include: Sequence[str]
    ) -> list[str]:
        with _as_tag_errors():
            names.check_new_name(name)
            nodes = self._list_nodes()
            if replicas is None:
                replicas = replicas_by_default(nodes, self._config.blob_replicas)
            chosen = choose_for_blob(nodes, replicas, self._rng, exclude=exclude, include=include)
        blob = ObjectName(name, self._next_stamp(None))
        return [f"http://{node}:{self._config.put_port}/ddfs/{blob}" for node in chosen]

    def names(self, prefix: str) -> list[str]:
        with _as_tag_errors():
            deleted = self._deleted() | {DELETED_TAG}
            return [name for name in self._nodes.names(prefix) if name not in deleted]

    def get(self, name: str, token: str | None) -> dict[str, object]:
        with self._opened(name) as slot:
            current = self._existing(slot)
            tag.require_read(current, token)
            return current.public()

    def append(
        self, name: str, urls: list[list[str]], token: str | None, *, update: bool, delayed: bool
    ) -> list[str]:
        with _as_tag_errors():
            names.check_new_name(name)
            request = PendingAppend(tag.check_urls(urls), token, update)
            with self._slots.use(name) as slot:
                with self._slots.lock:
                    slot.pending.append(request)
                if delayed:
                    request.done.wait(self._config.delay_s)
                if not request.done.is_set():
                    with slot.lock:
                        self._commit_pending(slot)
            if request.error is not None:
                raise request.error
            return list(request.answer or [])

    def replace(self, name: str, urls: list[list[str]], token: str | None) -> list[str]:
        with _as_tag_errors():
            checked = tag.check_urls(urls)
        return self._change(name, token, lambda current: tag.replace_urls(current, checked, token))

    def set_attribute(self, name: str, attribute: str, value: str, token: str | None) -> list[str]:
        return self._change(name, token, lambda current: tag.set_attribute(current, attribute, value, token))

    def delete_attribute(self, name: str, attribute: str, token: str | None) -> None:
        with self._opened(name) as slot:
            self._store(slot, tag.delete_attribute(self._existing(slot), attribute, token))

    def get_attribute(self, name: str, attribute: str, token: str | None) -> object:
        with self._opened(name) as slot:
            return tag.get_attribute(self._existing(slot), attribute, token)

    def delete(self, name: str, token: str | None) -> None:
        """Hide the tag at once; its versions are garbage now. No error for a tag that never was (F8)."""
        with self._opened(name) as slot:
            current = self._current(slot)
            if current is None:
                return
            tag.require_write(current, token)
            link = (f"{TAG_SCHEME}{name}",)
            self._change_deleted(lambda deleted: tag.append(deleted, (link,), None, update=True))

    def hosted(self, node: str) -> list[str]:
        if all(known.name != node for known in self._list_nodes()):
            raise TagError(404, "Unknown host.")
        return [name for name in self.names("") if self._lies_on(name, node)]

    def _lies_on(self, name: str, node: str) -> bool:
        with self._opened(name) as slot:
            current = self._current(slot)
        return current is not None and any(
            names.host_of(url) == node for urls in current.urls for url in urls
        )

    @contextmanager
    def _opened(self, name: str) -> Iterator[Slot]:
        """The tag's slot, locked, with everything committed that was asked for before."""
        with _as_tag_errors():
            names.check_name(name)
            with self._slots.use(name) as slot, slot.lock:
                self._commit_pending(slot)
                yield slot

    def _change(self, name: str, token: str | None, change: Change) -> list[str]:
        with _as_tag_errors():
            names.check_new_name(name)
        with self._opened(name) as slot:
            current = self._current(slot)
            return self._store(slot, change(tag.new(token) if current is None else current))

    def _existing(self, slot: Slot) -> Tag:
        current = self._current(slot)
        if current is None:
            raise TagError(404, "Tag not found.")
        return current

    def _current(self, slot: Slot) -> Tag | None:
        """The tag as users see it: None if it never was, or is deleted."""
        current = self._load(slot)
        return None if current is None or slot.name in self._deleted() else current

    def _load(self, slot: Slot) -> Tag | None:
        """The newest version there is, deleted or not."""
        newest = self._nodes.newest(slot.name)
        if newest is None:
            slot.clear()
        elif newest != slot.version:
            text = self._nodes.read(newest)
            slot.hold(newest, tag.parse(text), len(text), None)
        return slot.tag

    def _commit_pending(self, slot: Slot) -> None:
        """Carry out all waiting appends in the order in which they came, as one new version."""
        with self._slots.lock:
            requests, slot.pending = slot.pending, []
        if not requests:
            return
        accepted = []
        try:
            current = self._current(slot)
            for request in requests:
                try:
                    base = tag.new(request.token) if current is None else current
                    current = tag.append(base, request.urls, request.token, update=request.update)
                    accepted.append(request)
                except tag.TagFault as fault:
                    request.error = fault
            if current is not None:
                answer = self._store(slot, current)
                for request in accepted:
                    request.answer = answer
        except Exception as error:  # whatever it is, each of the waiting threads must hear of it
            for request in requests:
                request.error = request.error or error
        finally:
            for request in requests:
                request.done.set()

    def _store(self, slot: Slot, changed: Tag) -> list[str]:
        """Commit a changed tag; the URLs of its replicas. What did not change gets no new version (M263)."""
        if changed is slot.tag and slot.version is not None:
            if slot.urls is None:
                slot.urls = self._nodes.urls(slot.version)
            return slot.urls
        version = ObjectName(slot.name, self._next_stamp(slot.version))
        changed = changed.stamped(str(version), _local_time(self._clock_us()))
        text = changed.dump()
        try:
            urls = self._nodes.commit(version, text, before_rename=lambda: self._undelete(slot.name))
        except TryAgainError:
            slot.clear()
            raise
        slot.hold(version, changed, len(text), urls)
        return urls

    def _undelete(self, name: str) -> None:
        if name != DELETED_TAG and name in self._deleted():
            self._change_deleted(lambda deleted: tag.without(deleted, [(f"{TAG_SCHEME}{name}",)]))

    def _deleted(self) -> frozenset[str]:
        """Names on the metatag. Waits for nobody unless a newer version of it has been committed."""
        version, hidden = self._hidden
        if version != self._nodes.newest(DELETED_TAG):
            with self._slots.use(DELETED_TAG) as slot, slot.lock:
                current = self._load(slot)
                hidden = frozenset() if current is None else current.identities
                self._hidden = slot.version, hidden
        return hidden

    def _change_deleted(self, change: Change) -> None:
        with self._slots.use(DELETED_TAG) as slot, slot.lock:
            self._store(slot, change(self._load(slot) or tag.new(None)))

    def _next_stamp(self, after: ObjectName | None) -> Stamp:
        """A stamp never given before, and newer than `after` even if the clock was set back."""
        floor = 0 if after is None else after.stamp.epoch_us + 1
        with self._stamps:
            self._last_us = max(self._clock_us(), self._last_us + 1, floor)
            return Stamp.at(self._last_us)


def _local_time(epoch_us: int) -> str:
    return time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(epoch_us // 1_000_000))


@contextmanager
def _as_tag_errors() -> Iterator[None]:
    """The one place where faults get their HTTP status."""
    try:
        yield
    except tag.Unauthorized as fault:
        raise TagError(401, str(fault)) from fault
    except tag.NoSuchAttribute as fault:
        raise TagError(404, str(fault)) from fault
    except (tag.InvalidUrls, tag.InvalidAttribute, NotEnoughNodesError) as fault:
        raise TagError(403, str(fault)) from fault
    except BadNameError as fault:
        detail = f": {fault}" if isinstance(fault, names.LongNameError) else ""
        raise TagError(403, f"Invalid tag{detail}") from fault
    except tag.DamagedTag as fault:
        log.error("%s", fault)
        raise TagError(500, f"Internal server error: {fault}") from fault
    except TryAgainError as fault:
        log.warning("tag operation: %s", fault)
        raise TagError(503, "Temporary server error. Try again.") from fault
