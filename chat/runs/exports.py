"""Making exports: the file, piece by piece, each committed for itself, so that replies are not held up meanwhile."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chat import errors
from chat.models import Export
from chat.runs import archive, log_file
from chat.runs.due import Due
from chat.store import exports, log_exports, own, pool

WHILE: Final = 0.005  # seconds of work between two pauses
SIGN: Final = 1.0  # seconds between two signs of life, also where no piece is full yet
MODE: Final = 0o600 << 16  # of the files, where they are unpacked on Unix
BROKEN: Final = "Something went wrong while it was made. Try again; if it stays, tell whoever runs this server."


class Making:
    """One export, made in steps that take some milliseconds each. Steps may run in any thread, one after the other."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self._steps = self._all()
        self._buffer = bytearray()
        self._size = self._chunks = self._done = self._total = 0
        self._signed = 0.0
        self._counts = export.kind == Export.Kind.OWN

    def step(self) -> bool:
        """Go on a little; False at the end. Raises exports.Gone when it is not this process's any more."""
        return next(self._steps, True) is None

    def write(self, data: bytes) -> int:
        """What the zip writes to: a file that cannot be gone back in."""
        self._buffer += data
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what is full is committed between the files' pieces."""

    def _all(self) -> Iterator[None]:
        while exports.start_anew(self.export):
            yield
        yield from self._log() if self.export.kind == Export.Kind.LOG else self._zip()
        self._commit(last=True)
        exports.finish(self.export)

    def _log(self) -> Iterator[None]:
        """Of how many is guessed; at its end it is known."""
        expected = self.export.total
        for piece in log_file.of(self.export):
            self.write(piece.text.encode(errors="backslashreplace"))
            if self._size > log_exports.LARGEST:
                raise errors.TooLarge("This is more than one export holds.", next="Narrow the list, and take it along in parts.")
            self._done += piece.messages
            self._total = max(expected, self._done) if expected else 0
            self._commit()
            yield
        self._total = self._done

    def _zip(self) -> Iterator[None]:
        owner = self.export.owner
        self._total = own.count(owner)
        with ZipFile(self, "w", ZIP_DEFLATED) as zip_file:  # type: ignore[call-overload]  # it needs no more of a file than this
            for file in archive.files(owner):
                info = ZipInfo(file.name, file.modified.timetuple()[:6])
                info.compress_type, info.external_attr = ZIP_DEFLATED, MODE
                with zip_file.open(info, "w", force_zip64=file.large) as target:
                    yield from self._pieces(file, target)

    def _pieces(self, file: archive.File, target: IO[bytes]) -> Iterator[None]:
        for piece in file.pieces:
            target.write(piece.data)
            self._done += piece.messages
            self._commit()
            yield

    def _commit(self, *, last: bool = False) -> None:
        """Everything that fills a chunk; at the end what is left, too."""
        while len(self._buffer) >= exports.CHUNK or (last and self._buffer):
            data = bytes(self._buffer[: exports.CHUNK])
            del self._buffer[: exports.CHUNK]
            self._note((self._chunks, data))
            self._chunks += 1
        if monotonic() - self._signed >= SIGN:
            self._note()

    def _note(self, chunk: tuple[int, bytes] | None = None) -> None:
        total = max(self._total, self._done) if self._counts else self._total  # somebody may be writing
        exports.note(self.export, done=self._done, total=total, size=self._size, chunk=chunk)
        self._signed = monotonic()


async def _make(export: Export) -> None:
    """To its end, at half speed: what it does in a thread, others cannot do meanwhile."""
    making = Making(export)
    took: float | None = 0.0
    while took is not None:
        await asyncio.sleep(took)
        took = await pool.for_readers(_some, making)


def _some(making: Making) -> float | None:
    """Take steps for a while; how long it was, in seconds. None at the end."""
    began = monotonic()
    while (took := monotonic() - began) < WHILE:
        if not making.step():
            return None
    return took


def due(kind: Export.Kind) -> Due[Export]:
    return Due(
        "An export",
        lambda alone: exports.take(alone=alone, kind=kind),
        _make,
        exports.give_back,
        exports.fail,
        gone=exports.Gone,
        broken=BROKEN,
    )
