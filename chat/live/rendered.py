"""Finished Markdown that was shown last: a page of a long conversation is opened often, and rendered once."""

from collections import OrderedDict
from threading import Lock

from django.utils.safestring import SafeString

from chat import markdown

MOST = 8_000_000  # characters of text and HTML that are kept


class Rendered:
    """The HTML of finished parts by their ids, the last used of them. Bounded by size, for all threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._size, self._lock = most, 0, Lock()
        self._kept: OrderedDict[str, tuple[str, SafeString]] = OrderedDict()

    def html(self, part_id: str, text: str) -> SafeString:
        """What this text is as HTML, with ids that begin with the part's."""
        with self._lock:
            known, html = self._kept.get(part_id, ("", SafeString()))
            if known and known == text:
                self._kept.move_to_end(part_id)
                return html
        html = markdown.render(text, prefix=part_id)
        self.keep(part_id, text, html)
        return html

    def keep(self, part_id: str, text: str, html: SafeString) -> None:
        """This is known already; a tenth of the room at most for one."""
        if (size := len(text) + len(html)) > self._most // 10:
            return
        with self._lock:
            before, old = self._kept.pop(part_id, ("", SafeString()))
            self._kept[part_id] = (text, html)
            self._size += size - len(before) - len(old)
            while self._size > self._most:
                _, (text, html) = self._kept.popitem(last=False)
                self._size -= len(text) + len(html)

    def __len__(self) -> int:
        """Characters that are kept."""
        return self._size


rendered = Rendered()
