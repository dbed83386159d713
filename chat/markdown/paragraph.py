"""A paragraph that grows: what is settled at its start is rendered once, only the rest again."""

import re
from typing import Any

from markdown_it.token import Token

from chat.markdown.html import paragraph, tidy
from chat.markdown.inline import inline_html
from chat.markdown.memory import Memory
from chat.markdown.syntax import parse_inline
from chat.markdown.tail import closed

_SIZES = (24, 48, 96, 192, 384)  # characters after which another part may be settled

_MARKS = "\\`*_[]$<&~:!\n"  # without one of them text is only text

_MARK = re.compile(f"[{re.escape(_MARKS)}]")

# Lines that the block parser could only take for a paragraph's.
_PLAIN_LINE = r""" {0,3}(?:[^\W\d_]|\*\*[^\s*]|["'(“‘«„¿¡—–])[^\n]*"""
_PLAIN = re.compile(rf"{_PLAIN_LINE}(?:\n{_PLAIN_LINE})*\n?")
# Marks left in the text that something later could still pair with.
_LOOSE = re.compile(r"(?<!\s)\*|\*(?!\s)|(?<!\w)_|_(?!\w)|~~|[`\[$]")


def is_plain(src: str) -> bool:
    """Whether the text is one paragraph for sure, by its lines' first characters."""
    return _PLAIN.fullmatch(src) is not None


def marked(src: str, memory: Memory) -> int | None:
    """How much of a paragraph there is to render: up to the blank after the last word with a mark in it. The rest is words, which
    are shown as they are and only ever added to. None, for all of it, where there is no blank yet, a mark is still open, or it is
    perhaps no paragraph.
    """
    before, end = memory.marked
    if end is None or not src.startswith(before) or _MARK.search(src, len(before)):
        end = src.find(" ", max(map(src.rfind, _MARKS)) + 1) if is_plain(src) else -1
        end = end if end > 0 and closed(src[:end]) == src[:end] else None
    memory.marked = (src, end)
    return end


def plain_paragraph(src: str, memory: Memory, *, env: dict[str, Any] | None = None) -> str:
    """HTML of a plain paragraph: finished when there is an `env`, else as it grows."""
    src = src.strip()
    if env is not None:
        return paragraph(tidy(inline_html(parse_inline(src, env, growing=True), memory), memory))
    if not src.startswith(memory.start[0]):
        memory.restart()
    at, made = len(memory.start[0]), [memory.start[1]]
    while part := _settled(src, at, memory):
        at += len(part[0])
        made.append(part[1])
    memory.start = (src[:at], "".join(made))
    rest = closed(src[at:])
    made_last = inline_html(parse_inline(rest, memory.env(growing=True), growing=True), memory)
    return paragraph(memory.start[1] + tidy(made_last, memory))


def _settled(src: str, at: int, memory: Memory) -> tuple[str, str] | None:
    """Source and HTML of a part that nothing after it can change: up to a single space, with no mark left in its text."""
    much = len(src) - at > 2 * _SIZES[-1]
    for size in reversed(_SIZES) if much else _SIZES:
        if len(src) - at < size + _SIZES[0]:
            return None
        if (at, size) not in memory.unsettled:
            if part := _part(src, at, size, memory):
                return part
            memory.unsettled.add((at, size))
    return None


def _part(src: str, at: int, size: int, memory: Memory) -> tuple[str, str] | None:
    end = src.rfind(" ", at, at + size) + 1
    if end <= at + 1 or src[end].isspace() or src[end - 2].isspace():
        return None
    tokens = parse_inline(src[at:end], memory.env(growing=True), growing=True)
    if any(_is_loose(token) for token in tokens):
        return None
    return src[at:end], tidy(inline_html(tokens, memory), memory)


def _is_loose(token: Token) -> bool:
    if token.type == "text_special":
        return token.markup in (r"\(", r"\[")
    return token.type == "text" and _LOOSE.search(token.content) is not None
