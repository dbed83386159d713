"""Names of files in what people take along: short enough for every system, each given once in its folder."""

from typing import Final

from chat.files import names

LENGTH: Final = 60  # characters: with its folder and an id it stays below what Windows takes
BYTES: Final = 120


def safe(text: str, *, instead: str) -> str:
    """The text as a name, or as part of one; `instead` where nothing of it is left. An extension of a few letters stays."""
    return names.safe(text, instead=instead, length=LENGTH, size=BYTES)


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
