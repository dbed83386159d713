"""The Markdown we read: CommonMark with tables, strikethrough, task lists, bare URLs and footnotes, without raw HTML.

Maths is `$…$`, `$$…$$`, `\\(…\\)` and `\\[…\\]`, by rules of our own: the plug-ins' search is unbounded.
"""

import re
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

MAX_MATHS = 4_000  # characters between two delimiters; more is not maths
LONGEST_KEPT = 20_000  # characters of a text whose tokens are kept for a while
MAX_BRACKETS = 1_000  # `[` in one paragraph; above it links are text. Each costs about 20 µs

_INLINE_MARK = re.compile(r"[\\`*_\[\]$<&~:!\n]")  # without one of them inline text is only text

Env = MutableMapping[str, Any]


def _markdown(*, any_footnote: bool) -> MarkdownIt:
    options = {"html": False, "linkify": True, "tasklists": True, "maxNesting": 20}
    markdown = MarkdownIt("commonmark", options).enable(["table", "strikethrough", "linkify"])
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # html.py gives no address to what is not http(s) or mailto
    _bare_urls_only_with_scheme(markdown)
    markdown.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=any_footnote)
    for name in ("link", "image", "footnote_ref"):
        _bound_brackets(markdown, name)
    markdown.inline.ruler.before("escape", "maths", _maths_inline)
    markdown.block.ruler.before("fence", "maths_block", _maths_block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    return markdown


def _bare_urls_only_with_scheme(markdown: MarkdownIt) -> None:
    """`README.md` and `e.g.this` are no links."""
    assert markdown.linkify is not None
    markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    markdown.linkify.add("ftp:", None)
    markdown.linkify.add("//", None)
    search = markdown.linkify.pretest
    markdown.linkify.pretest = lambda text: ":" in text and search(text)


def _bound_brackets(markdown: MarkdownIt, name: str) -> None:
    rule: Callable[[StateInline, bool], bool] = next(r.fn for r in markdown.inline.ruler.__rules__ if r.name == name)

    def bounded(state: StateInline, silent: bool) -> bool:
        if state.src[state.pos] not in "[!":
            return False
        if (few := state.cache.get(-1)) is None:  # the cache's own keys are positions
            few = state.cache[-1] = int(state.src.count("[") <= MAX_BRACKETS)
        return bool(few) and rule(state, silent)

    markdown.inline.ruler.at(name, bounded)


def _maths_inline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src[start] not in "$\\" or (found := find_maths(state.src, start, state.posMax)) is None:
        return False
    opening, closing, end = found
    if not silent:
        token = state.push("maths", "math", 0)
        token.content = state.src[start + len(opening) : end]
        token.markup = opening
    state.pos = end + len(closing)
    return True


def find_maths(src: str, start: int, stop: int) -> tuple[str, str, int] | None:
    """Opening, closing and the place of the closing, of maths that begins at `start`. None when none does; money is not maths."""
    opening, closing = _delimiters(src, start)
    if not opening:
        return None
    first = start + len(opening)
    end = src.find(closing, first, min(stop, first + MAX_MATHS))
    while end > 0 and closing[0] == "$" and src[end - 1] == "\\":
        end = src.find(closing, end + 1, min(stop, first + MAX_MATHS))
    if end < 0 or not src[first:end].strip():
        return None
    return (opening, closing, end) if opening != "$" or _is_maths(src, start, end) else None


def _delimiters(src: str, start: int) -> tuple[str, str]:
    two = src[start : start + 2]
    if two in ("$$", r"\(", r"\["):
        return two, {"$$": "$$", r"\(": r"\)", r"\[": r"\]"}[two]
    return ("$", "$") if two[:1] == "$" else ("", "")


def _is_maths(src: str, start: int, end: int) -> bool:
    """Between single dollars: no space inside at either end, no digit outside, so that `$5 and $10` stays money."""
    before, after = src[start - 1 : start] if start else "", src[end + 1 : end + 2]
    return not (src[start + 1].isspace() or src[end - 1].isspace() or before.isdigit() or after.isdigit())


def _maths_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """From a line that begins with `$$` or `\\[` to the line that ends with `$$` or `\\]`, without a blank line between them."""
    if state.is_code_block(start):
        return False
    first = state.bMarks[start] + state.tShift[start]
    opening = state.src[first : first + 2]
    closing = {"$$": "$$", r"\[": r"\]"}.get(opening)
    if closing is None or (last := _last_line(state, start, end, closing)) is None:
        return False
    if silent:
        return True
    text = state.getLines(start, last + 1, state.sCount[start], False).strip()
    token = state.push("maths_block", "math", 0)
    token.block, token.map, token.markup = True, [start, last + 1], opening
    token.content = text.removeprefix(opening)[: -len(closing)]
    state.line = last + 1
    return True


def _last_line(state: StateBlock, start: int, end: int, closing: str) -> int | None:
    size = 0
    for line in range(start, end):
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
        body = text[2:] if line == start else text
        size += len(body)
        if (not text) or size > MAX_MATHS or (line > start and state.sCount[line] < state.blkIndent):
            return None
        if closing in body:
            whole = body.index(closing) == len(body) - 2 and (line > start or len(body) > 2)
            return line if whole else None
    return None


_FINAL = _markdown(any_footnote=False)
_GROWING = _markdown(any_footnote=True)


def parse(src: str, env: Env, *, growing: bool = False) -> list[Token]:
    """Tokens of a text. `growing`: a footnote's definition may still come, so each `[^label]` is one."""
    return (_GROWING if growing else _FINAL).parse(src, env)


def parse_finished(src: str) -> tuple[list[Token], Env]:
    """Tokens and env of a whole text. One that has just ended is asked for several times: to be shown, and for its words."""
    return _recent(src) if len(src) <= LONGEST_KEPT else _whole(src)


def _whole(src: str) -> tuple[list[Token], Env]:
    env: dict[str, Any] = {}
    return parse(src, env), env


_recent = lru_cache(maxsize=4)(_whole)


def parse_inline(src: str, env: Env, *, growing: bool = False) -> list[Token]:
    """Tokens of what stands in one paragraph or cell."""
    if not _INLINE_MARK.search(src):
        return [Token("text", "", 0, content=src)]
    return (_GROWING if growing else _FINAL).parseInline(src, env)[0].children or []
