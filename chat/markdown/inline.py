"""What stands inside a paragraph, a heading or a cell: tokens -> HTML, not yet sanitised."""

import re
from collections.abc import Sequence
from html import escape

from markdown_it.token import Token

from chat.markdown.images import host_of, leads
from chat.markdown.memory import Memory

_ADDRESS = re.compile(r"https?://[^/?#\s]|mailto:[^\s]", re.IGNORECASE)
_PAIRS = {"strong_open": "<strong>", "strong_close": "</strong>", "em_open": "<em>", "em_close": "</em>"}
_PAIRS |= {"s_open": "<del>", "s_close": "</del>", "softbreak": "\n", "hardbreak": "<br>"}


def inline_html(tokens: Sequence[Token], memory: Memory) -> str:
    """Links whose address is not http, https or mailto are their text; an image inside a link is its words."""
    html: list[str] = []
    link = ""
    for token in tokens:
        if token.type == "link_open":
            link = f'<a href="{escape(address)}">' if _ADDRESS.match(address := str(token.attrGet("href"))) else ""
            html.append(link)
        elif token.type == "link_close":
            html.append("</a>" if link else "")
            link = ""
        elif token.type == "image":
            html.append(_image(token, linked=bool(link)))
        else:
            html.append(_one(token, memory))
    return "".join(html)


def _one(token: Token, memory: Memory) -> str:
    if token.type in ("text", "text_special"):
        return escape(token.content, quote=False)
    if (fixed := _PAIRS.get(token.type)) is not None:
        return fixed
    match token.type:
        case "code_inline":
            return f"<code>{escape(token.content, quote=False)}</code>"
        case "maths":
            return memory.maths(token.content, display=token.markup in ("$$", r"\["))
        case "footnote_ref":
            return _footnote(token)
    return escape(token.content, quote=False)


def _image(token: Token, *, linked: bool) -> str:
    """Nothing is loaded: an image is a link that says where it leads, or, in a link that leads elsewhere, its words. (The class
    `there` says that this is the image's own link: `images.offered`.)
    """
    address = str(token.attrGet("src"))
    words = f"Image: {token.content}" if token.content else "Image"
    host = host_of(address) if not linked and leads(address) else ""
    label = f'<span class="image{" there" if host else ""}">{escape(f"{words} ({host})" if host else words, quote=False)}</span>'
    return f'<a href="{escape(address)}">{label}</a>' if host else label


def _footnote(token: Token) -> str:
    """`<sup class="fn">number-occurrence</sup>` when numbered (the link is made after the sanitiser), else the label."""
    if (number := token.meta.get("number")) is not None:
        return f'<sup class="fn">{number}-{token.meta["subId"]}</sup>'
    return f'<sup class="fn-label">{escape(token.meta["label"], quote=False)}</sup>'
