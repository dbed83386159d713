"""What is too long to be made before it is sent."""

from collections.abc import AsyncIterator, Iterator

from django.http import StreamingHttpResponse

from chat.store import pool


class Streamed(StreamingHttpResponse):
    """Sent piece by piece, each read in the readers' threads. Django would gather all of a plain iterator first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Iterator[bytes] = iter(self.streaming_content)  # type: ignore[arg-type]
        while (piece := await pool.for_readers(lambda: next(pieces, None))) is not None:
            yield piece
