"""Office documents are zip files of XML. What is in one is unpacked piece by piece, no more than is allowed, never to a file."""

import zipfile
from io import BytesIO
from typing import Any, Final
from xml.parsers import expat

from chat.decoding.frames import Refusal
from chat.decoding.kinds import OPEN_DOCUMENT, OPEN_XML

MEMBERS: Final = 10_000
UNPACKED: Final = 400_000_000  # bytes of all that is in one
PART: Final = 64_000_000  # of what is read of it at once
BOMB: Final = Refusal("This document unpacks to far more than it seems.", "Save it anew, or send it as PDF.", kind="large")


class Package:
    """A zip file, and nothing unpacked yet."""

    def __init__(self, data: bytes) -> None:
        self._zip = zipfile.ZipFile(BytesIO(data))
        members = self._zip.infolist()
        if len(members) > MEMBERS or sum(member.file_size for member in members) > UNPACKED:
            raise BOMB
        if any(member.flag_bits & 1 for member in members):
            raise Refusal("This document needs a password.", "Save it without one, then send it again.")
        self.names = {member.filename for member in members}

    def read(self, name: str) -> bytes:
        """One part of it, empty where there is none. What it says of its size is not believed."""
        if name not in self.names:
            return b""
        with self._zip.open(name) as part:
            found = part.read(PART + 1)
        if len(found) > PART:
            raise BOMB
        return found

    def kind(self) -> tuple[str, str]:
        """Its type, and the way to read it."""
        if any(name.endswith("vbaProject.bin") for name in self.names):
            raise Refusal("This document holds programs (macros).", "Save it without them, for example as docx or xlsx.")
        if "[Content_Types].xml" in self.names:
            for part, found in OPEN_XML.items():
                if part in self.names:
                    return found
        type = self.read("mimetype")[:100].decode("ascii", "replace").strip()
        if type in OPEN_DOCUMENT and "content.xml" in self.names:
            return type, OPEN_DOCUMENT[type]
        if "META-INF/manifest.xml" in self.names or "[Content_Types].xml" in self.names or type:
            raise Refusal("This kind of document cannot be read here.", "Save it as PDF, or as docx, xlsx or pptx.")
        raise Refusal("This is an archive, which cannot be read here.", "Send the files in it.")


class Walk:
    """What is done at each element of an XML document, by its name without the namespace."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def text(self, text: str) -> None: ...
    def end(self, name: str) -> None: ...


def walk(xml: bytes, walker: Walk) -> None:
    """From its beginning to its end. No document of an office declares a type or entities of its own: those are bombs."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _declared
    parser.StartElementHandler = lambda name, found: walker.start(_local(name), {_attribute(key): found[key] for key in found})
    parser.CharacterDataHandler = walker.text
    parser.EndElementHandler = lambda name: walker.end(_local(name))
    parser.Parse(xml, True)


def _declared(*_: Any) -> None:
    raise BOMB


def _attribute(name: str) -> str:
    """An id of OpenXML's own and one of a relation may stand at the same element."""
    return "relation" if name.endswith("/relationships id") else _local(name)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
