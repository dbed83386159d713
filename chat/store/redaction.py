"""What a redacted text hides: addresses, telephone and card numbers, keys. Each letter of them becomes a dot: a text keeps its
length, and pieces of it can be cut where they were cut before.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from chat.protocol.types import Json

DOT: Final = "•"
PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
        r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|hf|npm|pypi|whsec)[-_][\w-]{12,}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bAIza[\w-]{30,}",
        r"(?i)(?<=bearer )[\w.~+/=-]{12,}",
    )
)
ASSIGNED: Final = re.compile(
    r"(?i)\b(?:password|passwd|passwort|secret|token|api[_ -]?key|access[_ -]?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?([^\s\"',;]{4,})"
)
NUMBER: Final = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ()/.\u00a0-]{0,3}\d){6,18}(?!\w)")
PLAIN: Final = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4}|\d\.\d+")  # dates, and a number with many places
LEFT_OUT: Final = "(left out)"
CLOSED: Final = ("encrypted_content",)  # of which nobody can tell what stands in it


def mask(text: str) -> str:
    """The text, as long as it was, with dots for what is hidden."""
    for pattern in PATTERNS:
        text = pattern.sub(lambda found: DOT * len(found[0]), text)
    text = ASSIGNED.sub(lambda found: found[0][: found.start(1) - found.start()] + DOT * len(found[1]), text)
    return NUMBER.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    """Of long numbers those that may be a card's or a telephone's: others are counts and dates."""
    text = found[0]
    digits = re.sub(r"\D", "", text)
    card = 13 <= len(digits) <= 19 and luhn(digits)
    telephone = 7 <= len(digits) <= 15 and (text[0] in "+(0" or len(digits) < len(text)) and not PLAIN.fullmatch(text.strip())
    return DOT * len(text) if card or telephone else text


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others, as on every payment card."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def masked(value: Any) -> Any:
    """The same for all texts of a piece of wire JSON."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [masked(one) for one in value]
    if isinstance(value, dict):
        return {name: (one and LEFT_OUT) if name in CLOSED else masked(one) for name, one in value.items()}
    return value


def pieces(parts: Sequence[str]) -> list[str]:
    """A text in pieces, masked as a whole: what is hidden may stand across their edges."""
    whole, at, found = mask("".join(parts)), 0, []
    for part in parts:
        found.append(whole[at : at + len(part)])
        at += len(part)
    return found


def wire(item: Json) -> Json:
    """An item of a conversation, masked."""
    found: Json = masked(item)
    return found
