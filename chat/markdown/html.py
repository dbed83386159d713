"""Tokens -> HTML. Content is sanitised leaf by leaf (a paragraph, a row, a formula); what stands around it is put there by us."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from markdown_it.token import Token

from chat.markdown.clean import clean
from chat.markdown.images import offered
from chat.markdown.inline import inline_html
from chat.markdown.memory import Memory

QUOTE = ("<blockquote>", "</blockquote>")
TABLE = ('<div class="table" tabindex="0" role="group" aria-label="Table"><table>', "</table></div>")
MATHS = ('<div class="maths" tabindex="0" role="group" aria-label="Formula">', "</div>")
_BOX = '<span class="task" role="img" aria-label="{}"></span>'
_ROW = ("<table><tbody><tr>", "</tr></tbody></table>")
_HEAD = ("<table><thead><tr>", "</tr></thead></table>")
# All that is not text as we escape it, or a tag of ours without attributes.
_MARKED = re.compile(r"<(?!/?(?:strong|em|del|code|br)>)|&(?!(?:amp|lt|gt);)|[\xa0\r]")


def groups(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The token runs of one nesting level: an opening token with all up to its closing one, or a token that stands alone."""
    start = depth = 0
    for at, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : at + 1]
            start = at + 1


def block_html(group: Sequence[Token], memory: Memory) -> str:
    """The HTML of one block, sanitised; '' for what does not show."""
    first = group[0]
    match first.type:
        case "paragraph_open":
            return paragraph(tidy(inline_html(group[1].children or [], memory), memory))
        case "heading_open":
            tag = first.meta.get("tag") or memory.heading(int(first.tag[1]))
            return offered(clean(f"<{tag}>{inline_html(group[1].children or [], memory)}</{tag}>"), memory.item)
        case "bullet_list_open" | "ordered_list_open":
            return list_open(first) + "".join(f"<li>{inside}</li>" for inside in items(group, memory)) + f"</{first.tag}>"
        case "blockquote_open":
            return QUOTE[0] + blocks_html(group[1:-1], memory) + QUOTE[1]
        case "table_open":
            head, rows = table(group, memory)
            return TABLE[0] + head + "<tbody>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody>" + TABLE[1]
        case "fence" | "code_block":
            return memory.figure(first.content, first.info)
        case "maths_block":
            return MATHS[0] + clean(memory.maths(first.content, display=True)) + MATHS[1]
        case "hr":
            return "<hr>"
    return ""


def blocks_html(tokens: Sequence[Token], memory: Memory) -> str:
    return "".join(block_html(group, memory) for group in groups(tokens))


def paragraph(inside: str) -> str:
    """A paragraph around sanitised HTML; one that is nothing but a displayed formula scrolls like one."""
    html = f"<p>{inside}</p>"
    formula = html.startswith('<p><math display="block">') and html.endswith("</math></p>") and html.count("<math") == 1
    return MATHS[0] + html[3:-4] + MATHS[1] if formula else html


def tidy(inside: str, memory: Memory) -> str:
    """Sanitised inline HTML. What has nothing in it but text and plain tags passes the sanitiser unchanged: it is not asked."""
    return offered(clean(inside), memory.item) if _MARKED.search(inside) else inside


def list_open(token: Token) -> str:
    start = token.attrGet("start")
    return f"<{token.tag}>" if start is None else f'<ol start="{int(start)}">'


def items(group: Sequence[Token], memory: Memory) -> list[str]:
    """The inside of each item of a list."""
    return [item_html(item[1:-1], item[0].meta.get("checked"), memory) for item in groups(group[1:-1])]


def item_html(tokens: Sequence[Token], checked: bool | None, memory: Memory) -> str:
    return task_box(checked) + blocks_html(tokens, memory)


def task_box(checked: bool | None) -> str:
    return "" if checked is None else _BOX.format("done" if checked else "not done")


def table(group: Sequence[Token], memory: Memory) -> tuple[str, list[str]]:
    """The `<thead>`, and the inside of each row below it."""
    head = [f"{tag}{inside}</th>" for tag, inside in zip(column_tags(group, "th"), _cells(_rows(group)[0], memory), strict=True)]
    html = clean(f"{_HEAD[0]}{''.join(head)}{_HEAD[1]}").removeprefix("<table>").removesuffix("</table>")
    tags = column_tags(group)
    return offered(html, memory.item), [row_html(_cells(row, memory), tags, memory) for row in _rows(group)[1:]]


def _rows(group: Sequence[Token]) -> list[Sequence[Token]]:
    parts = list(groups(group[1:-1]))
    return [row for part in parts for row in groups(part[1:-1])]


def _cells(row: Sequence[Token], memory: Memory) -> list[str]:
    return [inline_html(cell[1].children or [], memory) for cell in groups(row[1:-1])]


def column_tags(group: Sequence[Token], name: str = "td") -> list[str]:
    """The start tag of a cell in each column, with its alignment."""
    styles = [str(cell[0].attrGet("style") or "") for cell in groups(_rows(group)[0][1:-1])]
    return [f'<{name} class="{style.removeprefix("text-align:")}">' if style else f"<{name}>" for style in styles]


def row_html(cells: Sequence[str], tags: Sequence[str], memory: Memory) -> str:
    """The cells of one row, sanitised (in a table of their own: outside of one the parser would drop them)."""
    padded = zip_longest(cells[: len(tags)], tags, fillvalue="")
    html = clean(_ROW[0] + "".join(f"{tag}{inside}</td>" for inside, tag in padded) + _ROW[1])
    return offered(html.removeprefix(_ROW[0]).removesuffix(_ROW[1]), memory.item)
