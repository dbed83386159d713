"""Names of files that every system takes, made of whatever people have written: no path, nothing reserved, nothing invisible."""

import unicodedata
from typing import Final

LENGTH: Final = 60  # characters: with its folder and an id it stays below what Windows takes
BYTES: Final = 120
FORBIDDEN: Final = set('<>:"/\\|?*')
RESERVED: Final = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}


def safe(text: str, *, instead: str) -> str:
    """The text as a name, or as part of one; `instead` where nothing of it is left. An extension of a few letters stays."""
    plain = unicodedata.normalize("NFC", text)
    letters = (" " if letter in FORBIDDEN or unicodedata.category(letter)[0] in "CZ" else letter for letter in plain)
    name = " ".join("".join(letters).split()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or not 0 < len(extension) <= 10:
        stem, extension = name, ""
    end = f".{extension}" if extension else ""
    stem = _cut(stem, LENGTH - len(end), BYTES - len(end.encode()))
    if stem.split(".")[0].strip().casefold() in RESERVED:
        stem = f"_{stem}"
    return f"{stem}{end}" if stem else instead


def _cut(text: str, length: int, size: int) -> str:
    """At most so many characters, and bytes in UTF-8."""
    return text[:length].encode()[:size].decode(errors="ignore").strip(" .")


class Folder:
    """Names in one folder, each given once: systems that do not tell capitals apart would lose one of two."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def place(self, name: str) -> str:
        """The name, or the same with a number."""
        stem, dot, extension = name.rpartition(".")
        stem, end = (stem, f".{extension}") if dot else (name, "")
        number, given = 1, name
        while given.casefold() in self._taken:
            number += 1
            given = f"{stem} {number}{end}"
        self._taken.add(given.casefold())
        return given
