"""The words of a text without its marks."""

from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from chat.markdown import source
from chat.markdown.syntax import parse_finished


def plain(text: str) -> str:
    """For titles, excerpts and search: a line per block, no marks, addresses or tables' rules. Not HTML: escape it."""
    return "\n".join(line for line in _lines(parse_finished(source.clean(text))[0]) if line)


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("fence", "code_block", "maths_block"):
            yield token.content.strip()
        elif token.type == "inline":
            yield "".join(_words(token.children or [])).strip()


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type != "footnote_ref":
            yield token.content
