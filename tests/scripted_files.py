"""Files that the scripted model server keeps, as OpenAI does: sent in a form, listed, had, deleted, and named in requests."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from tests import scripted_wire as wire


class Asked(Protocol):
    method: str
    path: str
    body: Any
    file: bytes


def form_of(kind: str, raw: bytes) -> tuple[dict[str, str], bytes]:
    """The fields of a form, with the name and the type of its file, and the bytes of that."""
    fields, file = {}, b""
    for part in message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw, policy=HTTP).iter_parts():  # type: ignore[attr-defined]
        data = part.get_payload(decode=True)
        if part.get_filename() is None:
            fields[str(part.get_param("name", header="content-disposition"))] = data.decode()
        else:
            fields |= {"filename": part.get_filename(), "type": part.get_content_type()}
            file = data
    return fields, file


@dataclass
class Cabinet:
    """`kept`: id → the object, with its bytes. `refusals`: how the next requests are answered, by method: with these errors, or
    not at all ("drop": done, but the connection ends before the answer; "hang"). `lacks`: "list", "delete", "get", "ends", and of
    the list: "order" (the oldest first, whatever is asked for), "number" (two to a page), "more" (`has_more`), "after".
    `stays`: seconds that one is kept at most. `strange`: models that say that they have none; `dull`: those that take none by
    its name.
    """

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, list[int | str]] = field(default_factory=dict)
    lacks: set[str] = field(default_factory=set)
    stays: int = 10**9
    strange: set[str] = field(default_factory=set)
    dull: set[str] = field(default_factory=set)

    async def answer(self, request: Asked, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(request.path)
        name, waiting = unquote(parts.path.removeprefix("/v1/files").strip("/")), self.refusals.get(request.method, [])
        refusal = waiting.pop(0) if waiting else 0
        if refusal == "hang":
            await asyncio.sleep(3600)
        if isinstance(refusal, int) and refusal:
            return await wire.send_error(writer, refusal, message="Not now.")
        if request.method == "POST" and not name:
            made = self._keep(request)
            if refusal == "drop":
                writer.transport.abort()
                raise ConnectionResetError
            return await wire.send_json(writer, self._told(made))
        if request.method == "GET" and not name and "list" not in self.lacks:
            return await wire.send_json(writer, self._page(parse_qs(parts.query)))
        if name not in self.kept or (request.method == "GET" and "get" in self.lacks):
            return await wire.send_error(writer, 404, message=f"No such File object: {name}")
        if request.method == "DELETE" and "delete" not in self.lacks:
            del self.kept[name]
            return await wire.send_json(writer, {"id": name, "object": "file", "deleted": True})
        if request.method == "GET":
            return await wire.send_json(writer, self._told(self.kept[name]))
        return await wire.send_error(writer, 405, message="Method not allowed.")

    def _keep(self, request: Asked) -> dict[str, Any]:
        now, fields = int(time.time()), request.body
        made = {"id": f"file-{uuid4().hex[:24]}", "object": "file", "bytes": len(request.file), "created_at": now}
        made |= {"filename": fields["filename"], "purpose": fields["purpose"], "status": "processed", "data": request.file}
        if "ends" not in self.lacks and "expires_after[seconds]" in fields:
            made["expires_at"] = now + min(self.stays, int(fields["expires_after[seconds]"]))
        self.kept[str(made["id"])] = made
        return made

    def _told(self, made: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in made.items() if name != "data"}

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """The newest first."""
        found = list(self.kept.values())[:: 1 if "order" in self.lacks else -1]
        known = set() if "after" in self.lacks else {*query.get("after", ())}
        after = next((at + 1 for at, one in enumerate(found) if one["id"] in known), 0)
        rest = found[after : after + (2 if "number" in self.lacks else int(query["limit"][0]))]
        more = {} if "more" in self.lacks else {"has_more": after + len(rest) < len(found)}
        return {"object": "list", "data": [self._told(one) for one in rest], **more}


def unknown(body: Any, cabinet: Cabinet) -> dict[str, str] | None:
    """Why a request that names a file cannot be made, as the error says it; None when it can."""
    named = re.findall(r"'file_id': '([^']*)'", str((body or {}).get("input"))) if isinstance(body, dict) else []
    if named and body.get("model") in cabinet.dull:
        return {"message": "Invalid value in input.", "param": "input"}
    kept = {} if named and body.get("model") in cabinet.strange else cabinet.kept
    missing = next((name for name in named if name not in kept), None)
    return None if missing is None else {"message": f"File with id '{missing}' not found.", "param": "input"}
