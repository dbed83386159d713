"""Source code -> spans with Pygments' short classes, in a figure with its language and a Copy button."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from html import escape

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class
from pygments.lexers._mapping import LEXERS
from pygments.token import STANDARD_TYPES

from chat.markdown.clean import clean

MAX_HIGHLIGHTED = 24_576  # characters; about 80 ms
# Lexers are regular expressions, and many take the square or worse of the length of a line or of a run of blanks. A deadline
# would make the result depend on the clock, so code that may be costly stays plain.
_COSTLY = re.compile(r"[^\n]{301}|(?:[ \t]*\n){9}|[ \t]{101}")
# Java and C# look for a method's head in any run of words, over all lines: a second for 8 KB of prose.
_WORDY = {"Java", "C#"}
_WORDS = re.compile(r"(?:[\w.<>\[\]]+\s+){60}")
_MAX_COMMENTS = 100  # `<!--`; each open one looks for its end
_MAX_SQUARES = 2_000_000  # of the lengths of the lines
_NAME = re.compile(r"[\w+#.-]{1,40}")


@cache
def _aliases() -> Mapping[str, str]:
    return {alias.lower(): name for name, entry in sorted(LEXERS.items(), reverse=True) for alias in entry[2]}


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    """Only lexers that come with Pygments, found by their alias; no plug-in is looked for."""
    found = _aliases().get(language.lower())
    lexer = find_lexer_class(LEXERS[found][1]) if found else None
    return lexer(stripnl=False, ensurenl=False) if lexer else None


def language_of(info: str) -> str:
    """The first word of a fence's info string, when it looks like the name of a language, else ''."""
    first, *_ = info.split(maxsplit=1) or [""]
    word = first.strip("{}.")
    return word if _NAME.fullmatch(word) else ""


def highlight(code: str, language: str) -> str:
    """Sanitised HTML of the code alone. Unknown languages, long texts, long lines and long gaps stay plain."""
    lexer = _lexer(language) if language and len(code) <= MAX_HIGHLIGHTED else None
    if lexer is None or _is_costly(code, lexer.name):
        return escape(code, quote=False)
    return clean("".join(_span(STANDARD_TYPES.get(kind, ""), text) for kind, text in lexer.get_tokens(code)))


def _is_costly(code: str, name: str) -> bool:
    if _COSTLY.search(code) or code.count("<!--") > _MAX_COMMENTS:
        return True
    return sum(len(line) ** 2 for line in code.split("\n")) > _MAX_SQUARES or (name in _WORDY and _WORDS.search(code) is not None)


def _span(name: str, text: str) -> str:
    text = escape(text, quote=False)
    return f'<span class="{name}">{text}</span>' if name and not text.isspace() else text


def figure_open(language: str, code_id: str = "") -> str:
    """Everything before the code. The label is not a landmark's: a page may hold many of them."""
    label = escape(language) or "text"
    there = f' id="{code_id}"' if code_id else ""
    return (
        f'<figure class="code"><figcaption><span class="language">{label}</span>'
        '<button type="button" class="copy" data-copy="code">Copy</button></figcaption>'
        f'<pre tabindex="0" role="group" aria-label="Code, {label}" dir="ltr"><code class="highlight"{there}>'
    )


FIGURE_CLOSE = "</code></pre></figure>"
