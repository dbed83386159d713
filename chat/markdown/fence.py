"""Code between fences."""

from collections.abc import Sequence
from html import escape

from chat.markdown.code import FIGURE_CLOSE, figure_open, language_of
from chat.markdown.lines import FENCE, dedent
from chat.markdown.memory import Memory
from chat.markdown.nodes import Node
from chat.markdown.tail import could_close


class Fence:
    """Code between fences. While it is open its text only grows; it gets its colours when it closes."""

    def __init__(self, memory: Memory) -> None:
        self.finished = False
        self._memory = memory
        self._mark, self._info, self._indent = "", "", 0
        self._code: list[str] = []
        self._escaped = ""
        self._made = ""

    def takes(self, line: str) -> bool:
        return not self.finished

    def holds(self, tail: str) -> bool:
        return not self.finished

    def lazy(self) -> bool:
        return False

    def add(self, line: str) -> None:
        if not self._mark:
            found = FENCE.fullmatch(line)
            assert found is not None
            self._indent, self._mark = len(found[1]), found[2] or found[4]
            self._info = found[3] or found[5] or ""
        elif could_close(line, self._mark) and line.strip().startswith(self._mark):
            self.finished = True
        else:
            line = dedent(line, self._indent) + "\n"
            self._code.append(line)
            self._escaped += escape(line, quote=False)

    def close(self) -> None:
        self._made = self._memory.figure("".join(self._code), self._info)

    def _text(self, tail: str) -> str:
        held = not self._mark or not tail.strip() or could_close(tail, self._mark)
        return self._escaped + ("" if held else escape(dedent(tail, self._indent), quote=False))

    def html(self, tail: str | None) -> str:
        if self._made or tail is None:
            return self._made or self._memory.figure("".join(self._code), self._info)
        return figure_open(language_of(self._info)) + self._text(tail) + FIGURE_CLOSE

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        if self._made or tail is None:
            return [Node(ids[0], self.html(tail))]
        text_id = f"{ids[0]}-code"
        return [
            Node(ids[0], figure_open(language_of(self._info), text_id), text=self._text(tail), text_id=text_id, foot=FIGURE_CLOSE)
        ]
