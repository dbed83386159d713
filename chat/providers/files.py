"""Files that a server keeps under ids of its own (`/v1/files`): sent once, named in requests, found again, deleted.

Each is sent under a name with a mark in it, which nobody can guess: so what was sent and never answered for can be found.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import quote

from chat.errors import MalformedStream, Slow, UpstreamError
from chat.protocol.client import Client
from chat.protocol.failures import answer_of
from chat.protocol.inserts import Insert, form
from chat.protocol.types import Json
from chat.providers.background import forget
from chat.providers.base import Left

PURPOSES: Final[Mapping[str, str]] = {"image": "vision", "application": "user_data"}
SUFFIXES: Final[Mapping[str, str]] = {"image/png": ".png", "image/jpeg": ".jpg", "application/pdf": ".pdf"}
"""The kinds that every server with such files takes, and how their names end there."""
PAGE, PAGES = 1_000, 50  # files in one list, lists that are looked through
LATEST: Final = 1e12  # seconds since 1970 that somebody may mean
SORTED: Final = 10  # files of different ages, in order: that is no accident
LOST: Final = re.compile(
    r"\bfile(s|_ids?)?\b.{0,200}(not[ _]found|(no|n')t exist|expired|deleted)"
    r"|(no such|could not find|unknown) file|file_not_found",
    re.I | re.S,
)


class Sent(NamedTuple):
    """What the server calls it, and in how many seconds it is gone there by itself, as it says; None where it says nothing."""

    id: str
    seconds: int | None


class Files:
    """Of one server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, content: Insert, *, type: str, mark: str, name: str = "", keep: timedelta) -> Sent:
        """Have it kept, for so long. `name`: what a model may be told that it is called. Raises UpstreamError."""
        kind = type.partition("/")[0]
        fields = {"purpose": PURPOSES[kind], "expires_after[anchor]": "created_at"}
        fields["expires_after[seconds]"] = str(int(keep.total_seconds()))
        stem = f"{_short(name.rpartition('.')[0] or name)} ({mark})" if name else mark
        body = form(fields, name=f"{stem}{SUFFIXES[type]}", type=type, content=content)
        made = await self._client.upload("/files", body)
        found = made.get("id")
        if not isinstance(found, str) or not found.strip("./ ") or mark in found:
            raise MalformedStream
        created, expires = (_moment(made, field) for field in ("created_at", "expires_at"))
        if created is not None and expires is not None:
            return Sent(found, int(max(0.0, min(expires - created, keep.total_seconds()))))
        return Sent(found, None)

    async def seek(self, mark: str, *, since: float) -> str:
        """What it calls the file that was sent under this mark; "" where it has none. `since`: seconds since 1970, before which
        it cannot have been made. Raises UpstreamError, also where that cannot be told: too many, or a list that does not go on.

        Neither the order nor the number that was asked for is taken for granted: it is looked through until the server says
        that this is all (or, where it never says so, until nothing new comes), or as far as it turns out to be sorted.
        """
        seen: dict[str, float | None] = {}
        after = ""
        for _ in range(PAGES):
            answer = await self._client.get(f"/files?order=desc&limit={PAGE}{after}")
            listed = answer.get("data")
            if not isinstance(listed, list):
                raise MalformedStream
            some = [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]
            for one in some:
                if mark in str(one.get("filename")):
                    return str(one["id"])
            more, new = answer.get("has_more"), [one for one in some if one["id"] not in seen]
            if more is False or (more is None and not new):
                return ""
            if not new:
                raise MalformedStream("The model server's list of files does not go on.")
            seen |= {str(one["id"]): _moment(one, "created_at") for one in new}
            if _gone_past(seen.values(), since):
                return ""
            after = f"&after={quote(str(some[-1]['id']), safe='')}"
        raise Slow("The model server keeps more files than can be looked through.")

    async def forget(self, upstream_id: str) -> Left:
        """Delete it, and look whether it can be found afterwards. Raises when that is not known."""
        return await forget(self._client, upstream_id, place="files")


def _short(name: str) -> str:
    """As much of it as fits into a name of a file anywhere, with the mark."""
    return name.encode()[:100].decode(errors="ignore")


def _moment(one: Json, name: str) -> float | None:
    """Seconds since 1970; None for what is no such number."""
    found = one.get(name)
    return float(found) if isinstance(found, int | float) and abs(found) < LATEST else None


def _gone_past(times: Iterable[float | None], moment: float) -> bool:
    """Whether these are sorted, the newest first, and have come to what is older than that."""
    known = [one for one in times if one is not None]
    return len(set(known)) >= SORTED and all(a >= b for a, b in pairwise(known)) and known[-1] < moment


def is_refused(status: int) -> bool:
    """Whether a file that was answered so is not there, for sure."""
    return status == 501 or (400 <= status < 500 and status != 408)


def is_lost(error: UpstreamError) -> bool:
    """Whether it says that a file is not there, or not any more."""
    answer = answer_of(error)
    return answer is not None and LOST.search(answer.words) is not None
