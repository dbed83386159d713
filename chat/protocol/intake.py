"""How a server's items become the writer's: found or opened, filled, closed with the status that is true."""

from typing import Final

from chat.protocol import events as ev
from chat.protocol.entries import Entries, find_part
from chat.protocol.items import FunctionCall, Item, Message, Reasoning, UnknownItem
from chat.protocol.kinds import REASONING, TEXT, Kind, parts_of, text_of
from chat.protocol.merge import is_whole, merge, merge_arguments, missing
from chat.protocol.writer import LARGEST, Entry, OpenPart, Writer

MAX_FINAL_ITEMS: Final = 2048  # of the output that a terminal event repeats


class Intake:
    """`broken_call`: a function call has ended that is not whole."""

    def __init__(self, writer: Writer) -> None:
        self.entries = Entries(writer.entries)
        self.broken_call = False
        self.upstream_item_ids: dict[str, str] = {}
        self._writer = writer

    def entry_for(self, event: ev.OfItem, type_: str | None, *, reopen: bool = True) -> Entry:
        """The item an event speaks of; a new one where it was never announced or, with `reopen`, is done already."""
        index, item_id = event.output_index, event.item_id
        entry = self.entries.find(type_, index=index, item_id=item_id)
        if entry is None or (entry.closed and reopen):
            entry = self._open(_blank(type_ or "message"), index=index, item_id=item_id, announced=False)
        return entry

    def kind_of(self, event: ev.Event, kind: Kind) -> Kind:
        """Some servers speak of output text inside a reasoning item; by its id we know it."""
        named = self.entries.named(event.item_id) if kind is TEXT and isinstance(event, ev.OfItem) else None
        return REASONING if named is not None and named.type == "reasoning" and not named.closed else kind

    def open_part(self, entry: Entry, kind: Kind, upstream_index: int | None) -> OpenPart:
        """The part that takes more text; a new one where there is none or its text was said to be whole."""
        part = find_part(entry, kind.name, upstream_index)
        if part is None or part.done:
            part = self._writer.part(entry, kind.blank(), upstream_index=upstream_index)
        return part

    def added(self, event: ev.OutputItemAdded) -> None:
        item, index = event.item, event.output_index
        entry = self.entries.find(item.type, index=index, item_id=item.id, call_id=_call_id(item))
        if entry is not None and not entry.closed and (not entry.announced or item.id in entry.upstream_ids):
            entry.announced = True
            self._register(entry, item, index)
        else:
            self._open(item, index=index, item_id=item.id, announced=True)

    def resume(self, entry: Entry, event: ev.OutputItemAdded) -> None:
        """Know again an item that was announced before this process read the stream."""
        entry.announced = True
        self.entries.register(entry, index=event.output_index, item_id=None, call_id=_call_id(event.item))

    def done(self, event: ev.OutputItemDone) -> None:
        item, index = event.item, event.output_index
        entry = self.entries.find(item.type, index=index, item_id=item.id, call_id=_call_id(item))
        if entry is not None and self._another(entry, item):
            entry = None
        entry = entry or self._open(item, index=index, item_id=item.id, announced=True)
        if not entry.closed:
            self._register(entry, item, index)
            self.close(entry, item, ended="completed")

    def arguments_done(self, event: ev.ArgumentsDone) -> None:
        entry = self.entry_for(event, "function_call", reopen=False)
        item = self._writer.item(entry)
        if not entry.closed and isinstance(item, FunctionCall):
            self._writer.arguments(entry, missing(item.arguments, event.arguments))
            entry.settled = True

    def close(self, entry: Entry, theirs: Item | None, *, ended: str) -> None:
        """`ended`: how what closes it ended, completed or not; an item's own word goes before it."""
        status = self._status(entry, theirs, ended)
        self.broken_call |= entry.type == "function_call" and status != "completed"
        self._writer.close(entry, theirs, status=status)

    def close_all(self, *, ended: str) -> None:
        for entry in self._writer.entries:
            if not entry.closed:
                self.close(entry, None, ended=ended)

    def reconcile(self, output: list[Item], *, ended: str) -> None:
        """Bring in the output that the terminal event repeats: it closes, amends, and adds what was never streamed."""
        left = list(self._writer.entries)
        for position, item in enumerate(output[:MAX_FINAL_ITEMS]):
            entry = _match(left, item, position)
            if entry is not None:
                left.remove(entry)
            elif _is_empty(item) or self._writer.size > LARGEST:
                continue
            entry = entry or self._open(item, index=None, item_id=item.id, announced=True)
            self._register(entry, item, None)
            if entry.closed:
                ours = self._writer.item(entry)
                self._writer.snapshot.put(entry.index, merge(ours, item, status=ours.status or "completed"))
            else:
                self.close(entry, item, ended=ended)

    def _open(self, item: Item, *, index: int | None, item_id: str | None, announced: bool) -> Entry:
        for other in self._writer.entries:  # nobody will say that they are done
            if not (other.closed or other.announced or other.type == "function_call"):
                self.close(other, None, ended="completed")
        call_id = _call_id(item)
        blank = _emptied(item)
        if isinstance(blank, FunctionCall) and (not call_id or self.entries.has_call(call_id)):
            blank = blank.model_copy(update={"call_id": self._writer.new_call_id()})
        entry = self._writer.open(blank, announced=announced)
        self.entries.register(entry, index=index, item_id=item_id, call_id=call_id)
        if item_id:
            self.upstream_item_ids[entry.id] = item_id
        return entry

    def _register(self, entry: Entry, item: Item, index: int | None) -> None:
        self.entries.register(entry, index=index, item_id=item.id, call_id=_call_id(item))
        if item.id:
            self.upstream_item_ids[entry.id] = item.id

    def _another(self, entry: Entry, item: Item) -> bool:
        """Whether a done item cannot be this one, though its place says so: some servers give every item the same index."""
        if entry.closed:
            return bool(item.id) and item.id not in entry.upstream_ids
        ours = self._writer.item(entry)
        if not isinstance(ours, FunctionCall) or not isinstance(item, FunctionCall):
            return False
        return bool(ours.name and item.name) and ours.name != item.name

    def _status(self, entry: Entry, theirs: Item | None, ended: str) -> str:
        word = theirs.status if theirs is not None else None
        if word not in ("completed", "incomplete", "failed"):
            word = "completed" if ended == "completed" else "incomplete"
        if entry.type != "function_call" or word != "completed":
            return word
        ours = self._writer.item(entry)
        shown, final = (item.arguments if isinstance(item, FunctionCall) else "" for item in (ours, theirs))
        whole = (entry.settled or theirs is not None) and is_whole(merge_arguments(shown, final))
        return "completed" if whole else "incomplete"


def _call_id(item: Item) -> str:
    return item.call_id if isinstance(item, FunctionCall) else ""


def _blank(type_: str) -> Item:
    blanks: dict[str, Item] = {"reasoning": Reasoning(), "function_call": FunctionCall()}
    return blanks.get(type_) or Message()


def _emptied(item: Item) -> Item:
    """As it is announced: texts come later, and a server that put them here would say them twice."""
    match item:
        case Message():
            return item.model_copy(update={"role": "assistant", "status": "in_progress", "content": []})
        case Reasoning():
            update: dict[str, object] = {"status": "in_progress", "summary": []}
            return item.model_copy(update=update | ({"content": []} if item.content is not None else {}))
        case FunctionCall():
            return item.model_copy(update={"status": "in_progress", "arguments": "", "call_id": item.call_id, "name": item.name})
        case _:
            return item


def _match(entries: list[Entry], item: Item, position: int) -> Entry | None:
    same = [entry for entry in entries if entry.type == item.type]
    for fits in (
        lambda entry: item.id in entry.upstream_ids and entry.upstream_index in (None, position),
        lambda entry: entry.upstream_index == position,
        lambda entry: item.id in entry.upstream_ids,
    ):
        if (found := next(filter(fits, same), None)) is not None:
            return found
    return same[0] if same else None


def _is_empty(item: Item) -> bool:
    match item:
        case Message():
            return not any(text_of(part) for part in parts_of(item, "content")) and not isinstance(item.content, str)
        case Reasoning():
            return not (item.summary or item.content or item.encrypted_content)
        case FunctionCall():
            return not item.name
        case UnknownItem():
            return False
        case _:
            return True
