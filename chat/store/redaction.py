"""What a redacted text hides: addresses, telephone, card and account numbers, keys. Each letter of them becomes a dot: a text
keeps its length, and pieces of it can be cut where they were cut before. They are looked for in the text as it stands, and as it
reads (`spelling`).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from chat.protocol.types import Json
from chat.store import spelling

DOT: Final = "•"
PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:[\w.+%'-]{1,64}|\"[^\"\n]{1,64}\")@[\w-]{1,63}(?:\.[\w-]{1,63})+",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|$)",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
        r"\b(?:sk|pk|rk|gsk|gh[oprsu]|github_pat|glpat|xapp|xox[abeprs]|hf|npm|pypi|whsec|shpat|dop_v1)[-_][\w-]{12,}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bAIza[\w-]{30,}",
        r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
        r"(?i)(?<=bearer )[\w.~+/=-]{12,}",
        r"(?i)(?<=authorization: basic )[\w+/=-]{8,}",
        r"(?<=://)[^\s/@:\"']{0,100}:[^\s/@\"']{1,200}(?=@)",
    )
)
NAMED: Final = r"(?:passw(?:or)?d|passwort|passphrase|pwd|secret|token|(?:api|access|private|account)[_ -]?key)"
ASSIGNED: Final = re.compile(
    rf"(?i){NAMED}[\"'`]{{0,2}}\s{{0,3}}[:=]{{1,2}}>?\s{{0,3}}"
    r"(?:\"([^\"\n]{4,200})\"|'([^'\n]{4,200})'|[\"']?([^\s\"',;]{4,}))"
)
SECRET: Final = re.compile(rf"(?i){NAMED}$")
NUMBER: Final = re.compile(r"(?<!\w)(?<!\d\.)\+?\(?\d(?:[ ()/.\u00a0-]{0,3}\d){6,40}(?!\w)")
CARD: Final = range(13, 20)  # digits
_BETWEEN: Final = r"[\s.,:|/-]{1,5}"
CARDS: Final = re.compile(  # also between letters, if those are not of an id, and in groups that stand in a table
    rf"(?<![\da-f])(?<!\d[.,])(?:\d{{13,19}}|\d{{4}}(?:{_BETWEEN}\d{{4}}){{3}}|\d{{4}}{_BETWEEN}\d{{6}}{_BETWEEN}\d{{5}})(?![\da-f])"
)
IBAN: Final = re.compile(r"\b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}\b")  # in one piece; in groups it is a long number
DATE: Final = r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})"
PLAIN: Final = re.compile(rf"{DATE}(?: {{1,3}}{DATE})*(?: {{1,3}}\d{{1,2}})?|\d\.\d+")  # dates, and a number with many places
LEFT_OUT: Final = "(left out)"
CLOSED: Final = ("encrypted_content", "logprobs")  # of which nobody can tell what stands in it, or letter by letter


def mask(text: str) -> str:
    """The text, as long as it was, with dots for what is hidden."""
    kept, upto = [], 0
    for start, end in sorted(_hidden(text)):
        if end > upto:
            kept += [text[upto : max(start, upto)], DOT * (end - max(start, upto))]
            upto = end
    return "".join([*kept, text[upto:]])


def _hidden(text: str, spelt: int = 0) -> Iterator[tuple[int, int]]:
    """From where to where; also what is there when it is read as it is meant, once, and in that once more."""
    for pattern in PATTERNS:
        yield from (found.span() for found in pattern.finditer(text))
    yield from (found.span(found.lastindex or 0) for found in ASSIGNED.finditer(text))
    yield from (found.span() for found in NUMBER.finditer(text) if _private(found[0]))
    yield from (found.span() for found in CARDS.finditer(text) if luhn(re.sub(r"\D", "", found[0])))
    yield from (found.span() for found in IBAN.finditer(text) if _account(found[0]))
    read = spelling.plain(text) if spelt < spelling.DEEP else None
    if read is not None:
        yield from ((read.starts[start], read.ends[end - 1]) for start, end in _hidden(read.text, spelt + 1))


def _private(text: str) -> bool:
    """Of long numbers those that may be a card's or a telephone's, with what stands beside it: others are counts and dates."""
    digits = re.sub(r"\D", "", text)
    apart = len(digits) < len(text)
    telephone = (apart or (text[0] == "0" and len(digits) <= 15)) and not PLAIN.fullmatch(text.strip())
    return telephone or (len(digits) in CARD and luhn(digits))


def _account(iban: str) -> bool:
    """Whether its check digits are right, as on every account (ISO 13616)."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


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
        return {mask(name): _under(name, one) for name, one in value.items()}
    if type(value) is int and (shown := mask(str(value))) != str(value):
        return shown
    return value


def _under(name: str, value: Any) -> Any:
    if name in CLOSED:
        return value and LEFT_OUT
    return _secret(value) if SECRET.search(name) else masked(value)


def _secret(value: Any) -> Any:
    """What stands under a secret's name, whatever it looks like."""
    if isinstance(value, list):
        return [_secret(one) for one in value]
    return DOT * len(str(value)) if isinstance(value, str) or type(value) in (int, float) else masked(value)


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
