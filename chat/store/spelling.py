"""A text as it reads: escapes of JSON, addresses, HTML and Markdown are the letters that they mean, marks of Markdown and letters
that nobody sees are gone, blanks, hyphens, full stops and letters of other widths are the plain ones. And where in the text each
stands.
"""

import re
from array import array
from dataclasses import dataclass
from html import unescape
from typing import Final

DEEP: Final = 2
"""How often a text is read so: JSON may stand in JSON."""

UNSEEN: Final = "*_`~\u00ad\u034f\u061c\u180e\u20e3\ufe00-\ufe0f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
BLANKS: Final = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
STOPS: Final = "\u3002\uff61"
HYPHENS: Final = "\u2010-\u2015\u2212\ufe58\ufe63"
WIDE: Final = "\uff01-\uff5e"
ODD: Final = re.compile(
    rf"(?P<unseen>[{UNSEEN}]+)|(?P<blank>[{BLANKS}])|(?P<hyphen>[{HYPHENS}])|(?P<wide>[{WIDE}])|(?P<at>\ufe6b)|(?P<stop>[{STOPS}])"
    r"|(?P<code>\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,5}\}|\\x[0-9a-fA-F]{2})|(?P<escape>\\[!-~])|(?P<percent>%[0-9a-fA-F]{2})|(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)"
)
ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}


@dataclass(frozen=True, slots=True)
class Reading:
    """The text, and for each of its letters where the one that it stands for begins and ends."""

    text: str
    starts: "array[int]"
    ends: "array[int]"


def plain(text: str) -> Reading | None:
    """None where it stands as it reads."""
    parts, starts, ends, upto = [], array("L"), array("L"), 0
    for found in ODD.finditer(text):
        start, end = found.span()
        meant = _meant(found)
        parts += [text[upto:start], meant]
        starts.extend(range(upto, start))
        ends.extend(range(upto + 1, start + 1))
        starts.extend([start] * len(meant))
        ends.extend([end] * len(meant))
        upto = end
    if not parts:
        return None
    starts.extend(range(upto, len(text)))
    ends.extend(range(upto + 1, len(text) + 1))
    return Reading("".join([*parts, text[upto:]]), starts, ends)


def _meant(found: re.Match[str]) -> str:
    text = found[0]
    match found.lastgroup:
        case "unseen":
            return ""
        case "blank":
            return " "
        case "hyphen":
            return "-"
        case "at":
            return "@"
        case "stop":
            return "."
        case "wide":
            return chr(ord(text) - 0xFEE0)
        case "code":
            return chr(int(text[2:].strip("{}"), 16))
        case "escape":
            return ESCAPES.get(text[1], text[1])
        case "percent":
            code = int(text[1:], 16)
            return chr(code) if code < 128 else "x"  # a byte of a letter
        case _:
            return unescape(text)
