"""Which of our items an upstream event means. Servers leave indexes out, repeat them, and change ids from event to event."""

from chat.protocol.writer import Entry, OpenPart

MAX_IDS = 8  # upstream ids remembered per item: some servers make a new one for every event


class Entries:
    """Looks up in the writer's list. A type of None means any."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._by_id: dict[str, Entry] = {}
        self._by_index: dict[int, list[Entry]] = {}
        self._by_call: dict[str, Entry] = {}

    def register(self, entry: Entry, *, index: int | None, item_id: str | None, call_id: str = "") -> None:
        """Remember what the server calls this item."""
        if index is not None and entry.upstream_index is None:
            entry.upstream_index = index
            self._by_index.setdefault(index, []).append(entry)
        if item_id and len(entry.upstream_ids) < MAX_IDS:
            entry.upstream_ids.add(item_id)
            self._by_id[item_id] = entry
        if call_id:
            self._by_call.setdefault(call_id, entry)

    def find(self, type_: str | None, *, index: int | None, item_id: str | None, call_id: str = "") -> Entry | None:
        """By output index, else item id, else call id, else the last open item that has no index of its own."""
        named = self._by_id.get(item_id) if item_id else None
        called = self._by_call.get(call_id) if call_id else None
        here = [entry for entry in self._by_index.get(index, ()) if type_ in (None, entry.type)] if index is not None else []
        if here:  # more than one where a server gives every item the same index
            still_open = [entry for entry in here if not entry.closed]
            return next((entry for entry in (named, called) if entry in here), (still_open or here)[-1])
        known = next((entry for entry in (named, called) if entry is not None and type_ in (None, entry.type)), None)
        return known or self._last_open(type_, index)

    def named(self, item_id: str | None) -> Entry | None:
        return self._by_id.get(item_id) if item_id else None

    def has_call(self, call_id: str) -> bool:
        return call_id in self._by_call

    def _last_open(self, type_: str | None, index: int | None) -> Entry | None:
        for entry in reversed(self._entries):
            fits = type_ in (None, entry.type) and (index is None or entry.upstream_index is None)
            if fits and not entry.closed:
                return entry
        return None


def find_part(entry: Entry, kind: str, upstream_index: int | None) -> OpenPart | None:
    """The latest part of this kind with this index; without an index the latest of the kind."""
    for part in reversed(entry.parts):
        if part.kind == kind and (upstream_index is None or part.upstream_index in (None, upstream_index)):
            return part
    return None
