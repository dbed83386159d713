"""A page in miniature, which takes the socket's messages as htmx does. Loud on anything odd: an AssertionError."""

import re

from tests.dom import Element, tree

ID = re.compile(r"#([\w-]+)")
AT_END = re.compile(r"#([\w-]+):has\(> #([\w-]+):last-child\)")
TITLE = re.compile(r"\[data-title-of='(\w+)'\]")
# What may be gone, or be elsewhere: a reply's first placeholder, an entry under another version, the titles in a sidebar.
MAY_MISS = (AT_END, TITLE)
Swap = tuple[Element, str, Element]


def elements(parent: Element) -> list[Element]:
    return [child for child in parent.children if isinstance(child, Element)]


class Page:
    """The document of one tab: elements by id, each with its parent."""

    def __init__(self, html: str) -> None:
        self.root = tree(html.strip().removeprefix("<!doctype html>"))
        self.ids: dict[str, tuple[Element, Element]] = {}
        for child in elements(self.root):
            self._learn(child, self.root)

    def by_id(self, name: str) -> Element:
        assert name in self.ids, f"no #{name} in the page"
        return self.ids[name][0]

    def apply(self, content: str) -> None:
        """One message's HTML: the places of all its partials are found first, then each is put in."""
        swaps: list[Swap] = []
        for partial in tree(content).children:
            if isinstance(partial, str):
                assert not partial.strip(), f"loose text: {partial[:200]!r}"
                continue
            assert partial.tag == "hx-partial", f"<{partial.tag}> is no partial"
            swap = partial.attributes["hx-swap"]
            swaps += [(target, swap, partial) for target in self.find(partial.attributes["hx-target"], swap)]
        for target, swap, partial in swaps:
            self._swap(target, swap, partial)

    def find(self, selector: str, swap: str) -> list[Element]:
        """What the selector means now; unknown selectors and missing places are faults."""
        if whole := ID.fullmatch(selector):
            if whole[1] not in self.ids:
                assert swap == "delete" or self.begins_later(), f"no {selector} for {swap}"
                return []
            return [self.by_id(whole[1])]
        if end := AT_END.fullmatch(selector):
            inner = elements(self.by_id(end[1]))
            return [self.by_id(end[1])] if inner and inner[-1].attributes.get("id") == end[2] else []
        if title := TITLE.fullmatch(selector):
            return self.root.find(data_title_of=title[1])
        raise AssertionError(f"a selector that no page of ours uses: {selector}")

    def begins_later(self) -> bool:
        """Whether there are messages above the first one shown; one of those may still be answered."""
        return bool(self.by_id("items").find(class_="earlier"))

    def _swap(self, target: Element, swap: str, partial: Element) -> None:
        new = partial.children
        match swap:
            case "beforeend":
                target.children += new
            case "innerHTML":
                self._forget_within(target)
                target.children = new
            case "textContent":
                self._forget_within(target)
                target.children = [partial.text()]
                return
            case "outerHTML" | "outerMorph":
                target = self._replace(target, new)
            case "delete":
                self._replace(target, [])
                return
            case _:
                raise AssertionError(f"a swap that no page of ours uses: {swap}")
        for child in new:
            if isinstance(child, Element):
                self._learn(child, target)

    def _replace(self, target: Element, new: list[Element | str]) -> Element:
        """Put these in the place of an element; its parent."""
        name = target.attributes["id"]
        kept = [child for child in new if isinstance(child, Element)]
        assert all(child.attributes.get("id") == name for child in kept), f"#{name} is replaced by something else"
        _, parent = self.ids[name]
        at = next(index for index, child in enumerate(parent.children) if child is target)
        self._forget(target)
        parent.children[at : at + 1] = new
        return parent

    def _forget(self, element: Element) -> None:
        for inner in element.walk():
            if name := inner.attributes.get("id"):
                del self.ids[name]

    def _forget_within(self, element: Element) -> None:
        for child in elements(element):
            self._forget(child)

    def _learn(self, element: Element, parent: Element) -> None:
        if name := element.attributes.get("id"):
            assert name not in self.ids, f"the id {name} twice"
            self.ids[name] = (element, parent)
        for child in elements(element):
            self._learn(child, element)
