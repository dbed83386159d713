"""A page in miniature: what a browser does with our operations, on top of the parser of the standard library."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

from chat.markdown import Append, Op

VOID = {"br", "hr", "img", "input", "meta", "link", "base"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def html(self) -> str:
        return "".join(child.outer() if isinstance(child, Element) else escape(child) for child in self._joined())

    def outer(self) -> str:
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in sorted(self.attributes.items()))
        return f"<{self.tag}{attributes}>" + ("" if self.tag in VOID else f"{self.html()}</{self.tag}>")

    def _joined(self) -> Iterator["Element | str"]:
        text = ""
        for child in self.children:
            if isinstance(child, str):
                text += child
                continue
            if text:
                yield text
            yield child
            text = ""
        if text:
            yield text

    def find(self, **attributes: str) -> list["Element"]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        tag = wanted.pop("tag", None)
        return [e for e in self.walk() if (not tag or e.tag == tag) and wanted.items() <= e.attributes.items()]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root")
        self.stack = [self.root]
        self.errors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        if len(element.attributes) != len(attrs):
            self.errors.append(f"<{tag}> has an attribute twice")
        self.stack[-1].children.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        if len(self.stack) > 1 and self.stack[-1].tag == tag:
            self.stack.pop()
        else:
            self.errors.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        self.errors.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.errors.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.errors.append("a processing instruction")


def tree(html: str) -> Element:
    """The elements of well-formed HTML; anything else is an AssertionError."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    errors = [*parser.errors, *(f"<{e.tag}> is not closed" for e in parser.stack[1:])]
    assert not errors, (errors, html)
    return parser.root


class Page:
    """One container with the id `prefix`, to which operations are applied."""

    def __init__(self, prefix: str) -> None:
        self.root = Element("div", {"id": prefix})
        self._ids = {prefix: self.root}

    def apply(self, ops: list[Op]) -> None:
        for op in ops:
            target = self._ids[op.target]
            new = tree(op.html).children
            if isinstance(op, Append):
                target.children += new
            else:
                self._forget(target)
                target.children = new
            self._learn(new)

    def _forget(self, element: Element) -> None:
        for inner in element.walk():
            if inner is not element and "id" in inner.attributes:
                del self._ids[inner.attributes["id"]]

    def _learn(self, nodes: list[Element | str]) -> None:
        for node in nodes:
            for element in node.walk() if isinstance(node, Element) else ():
                if name := element.attributes.get("id"):
                    assert name not in self._ids, f"the id {name} twice"
                    self._ids[name] = element

    def html(self) -> str:
        return self.root.html()
