"""LaTeX -> MathML, on the server. What cannot be read is shown as its source."""

import re
from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter

MAX_SOURCE = 2_000  # characters; 30 ms at worst
MAX_HTML = 60_000  # characters
_MAX_DEPTH = 60  # braces; the converter is recursive

# Macros can grow without bound; links, classes and colours are not the model's to choose.
_REFUSED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|def|gdef|edef|let|href|class|style|color|textcolor|colorbox|fcolorbox)(?![a-zA-Z])"
)
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|alignedat|align|split|gathered|gather|gather\*|equation|equation\*|eqnarray)\}")


def mathml(source: str, *, display: bool) -> str:
    """`<math>` (not yet sanitised), or the source in `<code class="tex">` when it is too long, too deep or not LaTeX."""
    source = source.strip()
    if len(source) > MAX_SOURCE or _REFUSED.search(source) or _depth(source) > _MAX_DEPTH:
        return _as_source(source)
    try:
        html = _convert(_ALIGNED.sub(r"\\\1{align*}", source), display=display)
    except (
        Exception
    ):  # the converter raises whatever it meets (IndexError, RecursionError, its own): the source is always a good answer
        return _as_source(source)
    return html if len(html) <= MAX_HTML else _as_source(source)


def _convert(source: str, *, display: bool) -> str:
    root = Converter(xmlns="", display="block" if display else "inline").convert_to_element(source)
    del root.attrib["xmlns"]
    for element in root.iter():
        _real_characters(element)
    return tostring(root, encoding="unicode", short_empty_elements=False)


def _real_characters(element: Element) -> None:
    """The converter writes entities as text and in the end unescapes everything, `\\text{<b>}` too: so we do it text by text."""
    if element.text:
        if element.text.startswith("\\"):
            raise ValueError("an unknown command")
        element.text = unescape(element.text)
    if element.tail:
        element.tail = unescape(element.tail)


def _depth(source: str) -> int:
    depth = deepest = 0
    for brace in re.findall(r"(?<!\\)[{}]|\\left|\\right|\\begin|\\end", source):
        depth += 1 if brace in ("{", r"\left", r"\begin") else -1
        deepest = max(deepest, depth)
    return deepest


def _as_source(source: str) -> str:
    return f'<code class="tex">{escape(source)}</code>'
