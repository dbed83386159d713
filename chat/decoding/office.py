"""Texts and slides: their paragraphs, headings, lists and tables as lines, one page or slide after the other."""

import re
from collections.abc import Iterator
from typing import Final

from chat.decoding.package import Package, Walk, walk
from chat.decoding.pages import Pages


def _roles(pairs: str, *, skipped: str) -> dict[str, str]:
    return {**dict(pair.split("=") for pair in pairs.split()), **dict.fromkeys(skipped.split(), "skip")}


# What an element is to a reader: in WordprocessingML and DrawingML (slides), and in OpenDocument.
OPEN_XML: Final = _roles(
    "p=paragraph tr=row tc=cell t=text tab=tab br=new_line cr=new_line pStyle=style numPr=listed ph=place "
    "lastRenderedPageBreak=page",
    skipped="Fallback tabs moveFrom",
)
OPEN_DOCUMENT: Final = _roles(
    "p=paragraph h=heading table-row=row table-cell=cell tab=tab line-break=new_line s=spaces list-item=item soft-page-break=page"
    " page=slide",
    skipped="tracked-changes annotation forms",
)
HEADING: Final = re.compile(r"(?:heading|berschrift|titre|encabezado|titolo|kop)\s*([1-6])", re.IGNORECASE)
TITLES: Final = frozenset({"title", "ctrTitle", "Title", "Titel"})
DEEPEST: Final = 16  # tables, or boxes, in each other
SPACES: Final = 100  # that one element may stand for
WORD: Final = "word/document.xml"
SLIDES: Final = "ppt/presentation.xml"


class Reader(Walk):
    """Paragraphs stand in cells and cells in rows, and each of them may hold others again: three stacks. `bare`: all characters
    in a paragraph are its text; else those in elements of their own.
    """

    def __init__(self, pages: Pages, roles: dict[str, str], *, bare: bool) -> None:
        self._pages, self._roles, self._bare = pages, roles, bare
        self._paragraphs: list[list[str]] = []
        self._marks: list[str] = []  # before each paragraph
        self._rows: list[list[str]] = []
        self._cells: list[list[str]] = []
        self._next = ""  # the mark of the paragraph to come
        self._skipped, self._heard, self._slides = 0, bare, 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        role = self._roles.get(name, "")
        if self._skipped or role == "skip" or len(self._rows) > DEEPEST or len(self._paragraphs) > DEEPEST:
            self._skipped += 1
        elif role in ("paragraph", "heading", "row", "cell"):
            self._open(role, attributes)
        elif role:
            self._within(role, attributes)

    def _open(self, role: str, attributes: dict[str, str]) -> None:
        if role == "row":
            self._rows.append([])
        elif role == "cell":
            self._cells.append([])
        else:
            self._paragraphs.append([])
            self._marks.append(_heading(attributes.get("outline-level", "1")) if role == "heading" else self._next)
            self._next = ""

    def _within(self, role: str, attributes: dict[str, str]) -> None:
        match role:
            case "text":
                self._heard = True
            case "new_line" if attributes.get("type") == "page":
                self._turned("page")
            case "tab" | "new_line" | "spaces":
                self._add({"tab": "\t", "new_line": "\n"}.get(role) or " " * _number(attributes.get("c", "1"), SPACES))
            case "style" if self._marks:
                self._marks[-1] = _style(attributes.get("val", ""))
            case "listed" if self._marks:
                self._marks[-1] = "- "
            case "item":
                self._next = "- "
            case "place" if attributes.get("type") in TITLES:
                self._next = "# "
            case "page" | "slide":
                self._turned(role)

    def _turned(self, role: str) -> None:
        """A page that Word or Writer has once ended here, or a slide that begins. The first has begun already."""
        self._slides += role == "slide"
        if not self._cells and (not self._pages.empty if role == "page" else self._slides > 1):
            self._pages.turn()

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        match self._roles.get(name, ""):
            case "text":
                self._heard = False
            case "paragraph" | "heading" if self._paragraphs:
                self._put(self._marks.pop(), "".join(self._paragraphs.pop()).strip())
            case "cell" if self._cells:
                found = " ".join(self._cells.pop())
                if self._rows:
                    self._rows[-1].append(found)
            case "row" if self._rows:
                self._put("", "| " + " | ".join(self._rows.pop()) + " |")

    def text(self, text: str) -> None:
        if self._heard and not self._skipped:
            self._add(re.sub(r"\s+", " ", text) if self._bare else text)

    def _add(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].append(text)

    def _put(self, mark: str, text: str) -> None:
        if not text:
            return
        if self._cells:
            self._cells[-1].append(text)
        else:
            self._pages.line(mark + text)


def _number(text: str, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _heading(level: str) -> str:
    return "#" * _number(level, 6) + " "


def _style(name: str) -> str:
    found = HEADING.search(name)
    return _heading(found[1]) if found else "# " if name in TITLES else "- " if name.startswith("List") else ""


def read_docx(package: Package, pages: Pages) -> None:
    walk(package.read(WORD), Reader(pages, OPEN_XML, bare=False))
    for notes in ("word/footnotes.xml", "word/endnotes.xml"):
        if found := package.read(notes):
            walk(found, Reader(pages, OPEN_XML, bare=False))


def read_pptx(package: Package, pages: Pages) -> None:
    """Each slide is a page, and what its author noted for it stands below."""
    for number, slide in enumerate(slides(package)):
        if number:
            pages.turn()
        walk(package.read(slide), Reader(pages, OPEN_XML, bare=False))
        for notes in _related(package, slide):
            if "/notesSlides/" in notes:
                walk(package.read(notes), Reader(pages, OPEN_XML, bare=False))


def read_odf(package: Package, pages: Pages) -> None:
    walk(package.read("content.xml"), Reader(pages, OPEN_DOCUMENT, bare=True))


def check(package: Package) -> None:
    """Whether a text can be read to its end."""
    walk(package.read(WORD), Walk())


def pages_of(package: Package) -> int:
    """Of a presentation in OpenDocument; a text says nothing of its pages."""
    found = _Named("page", "name")
    walk(package.read("content.xml"), found)
    return len(found.found)


class _Named(Walk):
    """The values of one attribute of all elements of a name, in order; `key` is another attribute of theirs."""

    def __init__(self, name: str, value: str, *, key: str = "") -> None:
        self._name, self._value, self._key = name, value, key
        self.found: list[tuple[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._name:
            self.found.append((attributes.get(self._key, ""), attributes.get(self._value, "")))


def slides(package: Package) -> list[str]:
    """The slides' parts, in the order in which they are shown."""
    order = _Named("sldId", "relation")
    walk(package.read(SLIDES), order)
    related = dict(_relations(package, SLIDES))
    return [related[each] for _, each in order.found if related.get(each) in package.names]


def _related(package: Package, part: str) -> Iterator[str]:
    return (target for _, target in _relations(package, part) if target in package.names)


def _relations(package: Package, part: str) -> list[tuple[str, str]]:
    """What another part is called in this one, and where it is."""
    folder, _, name = part.rpartition("/")
    found = _Named("Relationship", "Target", key="Id")
    if xml := package.read(f"{folder}/_rels/{name}.rels"):
        walk(xml, found)
    return [(id, _joined(folder, target)) for id, target in found.found]


def _joined(folder: str, target: str) -> str:
    """A path within the package; ".." goes up in it and nowhere else."""
    parts = [] if target.startswith("/") else folder.split("/")
    for part in target.strip("/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
