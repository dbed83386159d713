"""Names that every system takes and that are inert wherever they are shown, made of whatever people and programs have written:
no path, nothing reserved, nothing invisible, nothing that turns the direction of what follows.
"""

import unicodedata
from typing import Final

FORBIDDEN: Final = set('<>:"/\\|?*')
RESERVED: Final = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
LENGTH, BYTES = 120, 240  # of a file's name


def clean_name(name: str, *, instead: str = "file") -> str:
    """The last part of what a browser calls a file; `instead` where nothing of it is left."""
    last = name[-4_096:].replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    return safe(last, instead=instead, length=LENGTH, size=BYTES)


def safe(text: str, *, instead: str, length: int, size: int) -> str:
    """The text as a name of at most so many characters and bytes in UTF-8; an extension of a few letters stays."""
    plain = unicodedata.normalize("NFC", text)
    letters = (" " if letter in FORBIDDEN or unicodedata.category(letter)[0] in "CZ" else letter for letter in plain)
    name = " ".join("".join(letters).split()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or not 0 < len(extension) <= 10:
        stem, extension = name, ""
    end = f".{extension}" if extension else ""
    stem = stem[: length - len(end)].encode()[: size - len(end.encode())].decode(errors="ignore").strip(" .")
    if stem.split(".")[0].strip().casefold() in RESERVED:
        stem = f"_{stem}"
    return f"{stem}{end}" if stem else instead
