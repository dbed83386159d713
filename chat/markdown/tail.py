"""The end of a text that is still being written, shown as if what is open were closed: so nothing flickers. By the text alone."""

import re
from dataclasses import dataclass

from chat.markdown.lines import indent
from chat.markdown.syntax import find_maths

# A last line that could still become anything: markers only, a number, a fence, a label.
_UNDECIDED = re.compile(
    r"[ \t>]*(?:[-+*_=#>~`|:$\\ \t]*|\d{1,9}[.)]?[ \t]*|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?|[`~]{3,}.*|\\[(\[]?)"
)
_LABEL = re.compile(r" {0,3}\[[^\]\n]{0,80}(?:\]|\]:.*)?")
_MARK = re.compile(r"\\.?|`+|\$\$?|\*+|_+|~~+|!?\[", re.DOTALL)
_HALF_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^()\s]*)?)?")


def undecided(line: str) -> bool:
    """Whether a line that has not ended yet should not be shown yet."""
    return _UNDECIDED.fullmatch(line) is not None or _LABEL.fullmatch(line) is not None


def could_close(line: str, fence: str) -> bool:
    """Whether a line is, or may become, the one that closes a fence."""
    mark = line.strip(" \t")
    return bool(mark) and mark == fence[:1] * len(mark) and indent(line) < 4


@dataclass(slots=True)
class _Opener:
    char: str
    length: int


def closed(src: str) -> str:
    """`src` with open emphasis, strikethrough, code, maths and links closed or left out."""
    openers: list[_Opener] = []
    at = 0
    while mark := _MARK.search(src, at):
        src, at = _step(src, mark, openers)
    if not openers:
        return src
    return src.rstrip() + "".join(opener.char * opener.length for opener in reversed(openers))


def _step(src: str, mark: re.Match[str], openers: list[_Opener]) -> tuple[str, int]:
    """The text, perhaps with another end, and where to go on; at its end when all that follows belongs to the mark."""
    text, start, end = mark.group(), mark.start(), mark.end()
    match text[0]:
        case "`":
            return _code(src, start, text)
        case "\\" if len(text) == 1:
            return src[:start], start
        case "$" | "\\":
            return _maths(src, start, text) if text[0] == "$" or text[1] in "([" else (src, end)
        case "[" | "!":
            half = _HALF_LINK.fullmatch(src, start)
            return (src[:start] + half.group(1), start) if half else (src, end)
    return _run(src, mark, openers)


def _all(src: str) -> tuple[str, int]:
    return src, len(src)


def _code(src: str, start: int, run: str) -> tuple[str, int]:
    ending = re.compile(rf"(?<!`){run}(?!`)").search(src, start + len(run))
    if ending:
        return src, ending.end()
    body = src[start + len(run) :].rstrip("`")
    return _all(src[:start] + run + body + run if body.strip() else src[:start])


def _maths(src: str, start: int, opening: str) -> tuple[str, int]:
    """Maths whose end has not come is shown as its source; a dollar that looks like money as a dollar."""
    if found := find_maths(src, start, len(src)):
        return src, found[2] + len(found[1])
    body = src[start + len(opening) :].rstrip("\\$")
    money = opening == "$" and (body[:1].isspace() or body[:1].isdigit() or "$" in body or "\n" in body)
    if money or "`" in body:
        return src, start + len(opening)
    return _all(f"{src[:start]}`{body}`" if body.strip() else src[:start])


def _run(src: str, mark: re.Match[str], openers: list[_Opener]) -> tuple[str, int]:
    """A run of `*`, `_` or `~`: closes what it can, opens with the rest; at the very end it waits for what follows."""
    start, end = mark.span()
    char, left = mark.group()[0], end - start
    before, after = src[start - 1 : start], src[end : end + 1]
    if before.strip() and not (char == "_" and after.isalnum()):
        left = _close(openers, char, left)
    if not after:
        return _all(src[: end - left])
    in_word = before.isalnum() and (char == "_" or before.isascii())
    if left and not after.isspace() and not in_word and (char != "~" or left == 2):
        openers.append(_Opener(char, left))
    return src, end


def _close(openers: list[_Opener], char: str, length: int) -> int:
    """Closes the nearest openers of this kind, dropping what stands open inside them; what is left of the run."""
    while length and (at := next((n for n in reversed(range(len(openers))) if openers[n].char == char), None)) is not None:
        used = min(length, openers[at].length)
        length -= used
        openers[at].length -= used
        del openers[at + (1 if openers[at].length else 0) :]
    return length
