"""A file on its way to a browser: piece by piece, each read when its turn comes."""

from collections.abc import AsyncIterator, Iterator

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from chat.store import pool


class Streamed(StreamingHttpResponse):
    """Read in the readers' threads. Django would gather all of a plain iterator first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Iterator[bytes] = iter(self.streaming_content)  # type: ignore[arg-type]
        while piece := await pool.for_readers(lambda: next(pieces, b"")):
            yield piece


def as_file(pieces: Iterator[bytes], *, name: str, kind: str, size: int | None = None) -> Streamed:
    """To be kept under this name; `size` in bytes, where it is known."""
    headers = {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        **({} if size is None else {"Content-Length": str(size)}),
    }
    return Streamed(pieces, content_type=kind, headers=headers)
