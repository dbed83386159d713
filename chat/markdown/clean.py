"""The allowlist. Everything that holds a byte from a model or a user passes `clean` last.

Ids, wrappers and buttons are added after it, by us.
"""

import nh3
from pygments.token import STANDARD_TYPES


def _words(text: str) -> list[str]:
    return text.split()


SCHEMES = frozenset({"http", "https", "mailto"})

_TEXT = _words("a br code del em h1 h2 h3 h4 h5 h6 hr p pre span strong sup table tbody td th thead tr")
_MATH = _words("""
    math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub
    msubsup msup mtable mtd mtext mtr munder munderover none
""")
_MATH_ATTRIBUTES = frozenset(
    _words("""
    accent accentunder columnalign columnlines columnspacing depth displaystyle fence form height largeop linethickness lspace
    mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric voffset
    width
    """)
)

TAGS = frozenset([*_TEXT, *_MATH])
ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "math": frozenset({"display"}),
    **{tag: _MATH_ATTRIBUTES for tag in _MATH if tag != "math"},
}
CLASSES: dict[str, frozenset[str]] = {
    "span": frozenset({"image", "there", *STANDARD_TYPES.values()} - {""}),
    "code": frozenset({"tex", "pending"}),
    "sup": frozenset({"fn", "fn-label"}),
    "td": frozenset({"left", "center", "right"}),
    "th": frozenset({"left", "center", "right"}),
}

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    allowed_classes={tag: set(names) for tag, names in CLASSES.items()},
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg"},
)


def clean(html: str) -> str:
    """HTML with the allowed elements, attributes, classes and addresses, and nothing else."""
    return _CLEANER.clean(html)
