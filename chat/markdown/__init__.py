"""Text from a model -> safe HTML, whole or while it grows. The only place that marks anything safe.

    render(text, prefix=…)   the finished text
    Stream(prefix)           the same text as it arrives: `feed` and `finish` answer with what to change in the page
    plain(text)              the words alone, for titles, excerpts and search
    spoken(text)             the same without code

Two laws hold (tests/test_markdown_stream.py). What is shown after any prefix of the text depends on that prefix alone, never on
how it was cut. After `finish` it is what `render` gives.

    source   text as it came -> text we can work with
    syntax   the Markdown parser and its rules · maths, code, clean, html: tokens -> HTML that nh3 has seen last
    blocks   what can be told line by line, so that finished blocks are rendered once · tail: how an open end looks
    nodes    the pieces of the page that have an address, and the difference between two states of them
"""

from chat.markdown.nodes import Append, Op, Replace
from chat.markdown.plain import plain, spoken
from chat.markdown.stream import Stream, render

__all__ = ["Append", "Op", "Replace", "Stream", "plain", "render", "spoken"]
