"""The words of a text without its marks."""

from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from chat.markdown import source
from chat.markdown.syntax import parse_finished


def plain(text: str) -> str:
    """For titles, excerpts and search: a line per block, no marks, addresses or tables' rules. Not HTML: escape it."""
    return "\n".join(line for line in _lines(parse_finished(source.clean(text))[0]) if line)


def spoken(text: str) -> str:
    """The same without code and formulas: what somebody says to people."""
    return "\n".join(_lines(parse_finished(source.clean(text))[0], code=False))


def _lines(tokens: Sequence[Token], *, code: bool = True) -> Iterator[str]:
    for token in tokens:
        if token.type in ("fence", "code_block", "maths_block") and code:
            yield token.content.strip()
        elif token.type == "inline":
            kids = token.children or []
            yield "".join(_words(kids if code else [kid for kid in kids if kid.type not in ("code_inline", "maths")])).strip()


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type != "footnote_ref":
            yield token.content
