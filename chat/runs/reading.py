"""A conversation to be read: Markdown, with who said it and when."""

from datetime import datetime
from typing import Final

from chat.live import transcript
from chat.models import LEFT, Response
from chat.protocol.types import Json, dump_item
from chat.store import history, responses

UNSAID: Final = ("reasoning",)  # in the JSON only
ENDS: Final = {Response.Status.CANCELLED: "Stopped.", Response.Status.QUEUED: "Not answered yet."}


def exchange(found: history.Exchange, links: list[tuple[str, str]]) -> str:
    """What somebody said, and the reply to it. `links`: names and places of the files that came with it."""
    lines: list[str] = []
    if not found.item.hidden:
        who = found.item.author.shown_name if found.item.author else LEFT
        lines += [_heading(who, found.item.created), responses.message_text(found.item.wire)]
        lines += [f"Attached: [{_plain(name)}](<{place}>)" for name, place in links]
    if found.response.continues_id is None:
        lines.append(_heading(found.response.model or "Reply", found.response.created))
    lines += [text for text in _output(found) if text.strip()]
    if end := _end(found.response):
        lines.append(f"*{end}*")
    return "\n" + "\n\n".join(lines) + "\n"


def _heading(who: str, when: datetime) -> str:
    return f"## {_plain(who)} · {when:%Y-%m-%d %H:%M} UTC"


def _plain(text: str) -> str:
    """A name inside a heading or a link."""
    return "".join(f"\\{letter}" if letter in "\\[]<>*_`#" else letter for letter in " ".join(text.split()))


def _output(found: history.Exchange) -> list[str]:
    if found.response.status == Response.Status.IN_PROGRESS:
        wires = [dump_item(item) for item in transcript.logged(found.response).output]
    else:
        wires = [item.wire for item in found.output]
    return [_item(wire) for wire in wires]


def _item(wire: Json) -> str:
    kind = str(wire.get("type") or "")
    if kind == "message" or kind in UNSAID:
        return responses.message_text(wire)
    return f"*{_plain(kind)} {_plain(str(wire.get('name') or ''))}*"


def _end(response: Response) -> str:
    match response.status:
        case Response.Status.FAILED:
            return " ".join((response.error_message or "The reply failed.").split())
        case Response.Status.INCOMPLETE:
            return transcript.SENTENCES.get(response.incomplete_reason, transcript.CUT)[0]
        case Response.Status.IN_PROGRESS:
            return "It was still being written."
        case status:
            return ENDS.get(Response.Status(status), "")
