"""Text as it came -> text without CR, NUL and halves of surrogate pairs. Works on any cut of the text."""

import re

_ODD = re.compile("[\r\0\ud800-\udfff]")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


class Intake:
    """Cleans pieces of a text so that the cleaned pieces, joined, do not depend on the cuts."""

    def __init__(self) -> None:
        self._after_cr = False
        self._half = ""

    def feed(self, piece: str) -> str:
        """A CR counts as a newline at once, and a LF right after it as nothing; a first half of a pair waits for the second."""
        piece, self._half = self._half + piece, ""
        if not self._after_cr and not _ODD.search(piece):
            return piece
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        if not piece:
            return ""
        if self._after_cr and piece.startswith("\n"):
            piece = piece[1:]
            self._after_cr = False
        if piece:
            self._after_cr = piece.endswith("\r")
        return _clean(piece)

    def finish(self) -> str:
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


def _clean(piece: str) -> str:
    piece = piece.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    piece = _PAIR.sub(lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), piece)
    return re.sub("[\ud800-\udfff]", "\ufffd", piece)


def clean(text: str) -> str:
    intake = Intake()
    return intake.feed(text) + intake.finish()
