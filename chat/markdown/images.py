"""Images of other hosts: none is loaded. Beside the link that says where one leads stands a mark to click on, which asks this
server for it, by the reply that names it and a digest of its address.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from typing import Final
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac
from markdown_it.token import Token

from chat.markdown import source
from chat.markdown.syntax import parse_finished

# Only we write `<span class="image there">`, in the link of an image's own: in the text it would be escaped.
_LINKED: Final = re.compile(
    r'<a href="([^"<>]*)" target="_blank" rel="noopener noreferrer nofollow"><span class="image there">[^<>]*</span></a>'
)
LONGEST: Final = 2_000  # characters of an address that is offered


def offered(html: str, item: str) -> str:
    """Sanitised HTML, each image in it with its mark. `item`: the id of what it is said in."""
    return _LINKED.sub(lambda found: found[0] + _mark(unescape(found[1]), item), html) if 'class="image there"' in html else html


def _mark(address: str, item: str) -> str:
    """Empty, so that no copied text has it: the style sheet fills it. Its address is relative to the conversation's."""
    if len(address) > LONGEST:
        return ""
    url = f"images/{item}/{digest(address)}/"
    label = escape(f"Show image from {host_of(address)}")
    return f'<a class="show-image" href="{url}" hx-get="{url}" hx-swap="outerHTML" aria-label="{label}"></a>'


def digest(address: str) -> str:
    """What stands for an address in ours: no log learns where it leads, and nobody can make one up."""
    return salted_hmac("image", address, algorithm="sha256").hexdigest()[:32]


def addresses(text: str) -> list[str]:
    """Of all images in a text that are offered."""
    if "![" not in text:
        return []
    return [address for address in _named(parse_finished(source.clean(text))[0]) if leads(address)]


def _named(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "image":
            yield str(token.attrGet("src"))
        elif token.children:
            yield from _named(token.children)


def leads(address: str) -> bool:
    return address.lower().startswith(("http://", "https://")) and bool(host_of(address))


def host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
