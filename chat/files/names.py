"""Names that every system takes and that are inert wherever they are shown, made of whatever people and programs have written:
no path, nothing reserved, nothing invisible, nothing that turns the direction of what follows.
"""

import unicodedata
from typing import Final

FORBIDDEN: Final = set('<>:"/\\|?*')
RESERVED: Final = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
LENGTH, BYTES = 120, 240  # of a file's name
EXTENSIONS: Final = {
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "application/pdf": ("pdf",),
}
OTHERS: Final = frozenset({"heic", "heif", "hif", "avif", "apng", *(each for found in EXTENSIONS.values() for each in found)})


def clean_name(name: str, *, instead: str = "file") -> str:
    """The last part of what a browser calls a file; `instead` where nothing of it is left."""
    last = name[-4_096:].replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    return safe(last, instead=instead, length=LENGTH, size=BYTES)


def typed(name: str, type: str) -> str:
    """A clean name that ends as what the file is, where that is known: saved, what became a JPEG opens as one."""
    known = EXTENSIONS.get(type, ())
    stem, dot, extension = name.rpartition(".")
    if not known or (dot and extension.casefold() in known):
        return name
    kept = stem if dot and extension.casefold() in OTHERS else name
    return safe(f"{kept}.{known[0]}", instead=name, length=LENGTH, size=BYTES)


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
