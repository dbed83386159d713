"""The finished text: one parse of the whole, so that late link definitions and footnotes are right."""

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from chat.markdown.blocks import NOTES, list_node
from chat.markdown.html import block_html, blocks_html, groups, items, list_open, table
from chat.markdown.memory import Memory
from chat.markdown.nodes import Node
from chat.markdown.syntax import Env, parse_finished
from chat.markdown.tables import table_node

_REFERENCE = re.compile(r'<sup class="fn">(\d+)-(\d+)</sup>')
_MAX_BACK = 9  # links from one footnote back to the text


def final_nodes(text: str, prefix: str, memory: Memory) -> list[Node]:
    tokens, env = parse_finished(text)
    _number(tokens)
    _settle_headings(tokens, memory)
    nodes: list[Node] = []
    for group in groups(tokens):
        if node := _node(group, f"{prefix}-{len(nodes)}", prefix, memory):
            nodes.append(node)
    if notes := _notes(tokens, env, prefix, memory):
        node_id = f"{prefix}-{len(nodes)}"
        kids = [Node(f"{node_id}-{n}", inside, tag="li") for n, inside in enumerate(notes)]
        nodes.append(list_node(node_id, NOTES[0], kids, NOTES[1], sealed=0))
    return nodes


def _node(group: Sequence[Token], node_id: str, prefix: str, memory: Memory) -> Node | None:
    first = group[0]
    if first.type in ("bullet_list_open", "ordered_list_open"):
        insides = enumerate(_linked(inside, prefix) for inside in items(group, memory))
        kids = [Node(f"{node_id}-{n}", inside, tag="li") for n, inside in insides]
        return list_node(node_id, list_open(first), kids, f"</{first.tag}>", sealed=0)
    if first.type == "table_open":
        head, rows = table(group, memory)
        kids = [Node(f"{node_id}-{n}", _linked(row, prefix), tag="tr") for n, row in enumerate(rows)]
        return table_node(node_id, _linked(head, prefix), kids, sealed=0)
    html = block_html(group, memory)
    return Node(node_id, _linked(html, prefix)) if html else None


def _settle_headings(tokens: Sequence[Token], memory: Memory) -> None:
    """Headings carry the tag that they get by those above them."""
    memory.restart_headings()
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            token.meta["tag"] = memory.heading(level)
            memory.headed(level)


def _number(tokens: Sequence[Token]) -> None:
    """References carry the number of their footnote."""
    for token in _deep(tokens):
        if token.type == "footnote_ref":
            token.meta["number"] = token.meta["id"] + 1


def _deep(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or []


def _notes(tokens: Sequence[Token], env: Env, prefix: str, memory: Memory) -> list[str]:
    """The inside of each footnote that the text refers to, in the order of the first references."""
    texts = _definitions(tokens)
    notes = env.get("footnotes", {}).get("list", {})
    return [_note(number + 1, note["count"], texts.get(note["label"], []), prefix, memory) for number, note in notes.items()]


def _definitions(tokens: Sequence[Token]) -> dict[str, Sequence[Token]]:
    found: dict[str, Sequence[Token]] = {}
    opened: list[tuple[str, int]] = []
    for at, token in enumerate(tokens):
        if token.type == "footnote_reference_open":
            opened.append((token.meta["label"], at + 1))
        elif token.type == "footnote_reference_close":
            label, start = opened.pop()
            found[label] = tokens[start:at]
    return found


def _note(number: int, count: int, tokens: Sequence[Token], prefix: str, memory: Memory) -> str:
    anchor = f'<span class="anchor" id="{prefix}-fn-{number}"></span>'
    back = "".join(
        f' <a class="back" href="#{prefix}-fnref-{number}-{n}" aria-label="Back to the text, footnote {number}">↩</a>'
        for n in range(min(count, _MAX_BACK))
    )
    html = anchor + _linked(blocks_html(tokens, memory), prefix)
    return f"{html[:-4]}{back}</p>" if html.endswith("</p>") else html + back


def _linked(html: str, prefix: str) -> str:
    """References to footnotes become links. Only we write `<sup class="fn">`: in the text it would be escaped."""
    if '<sup class="fn">' not in html:
        return html
    return _REFERENCE.sub(
        lambda found: (
            f'<sup class="fn"><a id="{prefix}-fnref-{found[1]}-{found[2]}" href="#{prefix}-fn-{found[1]}" '
            f'aria-label="Footnote {found[1]}">{found[1]}</a></sup>'
        ),
        html,
    )
