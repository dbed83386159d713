"""The log's texts as the templates take them: the same views of items as everywhere, and a row of a list."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format

from chat.admin import copies
from chat.admin.figures import money
from chat.live.transcript import error_view
from chat.live.views import ErrorView, Files, ItemView, item_view, part_views
from chat.models import LEFT, Conversation, Response
from chat.store import logged
from chat.store.access import Allowed
from chat.store.costs import Book
from chat.store.history import Exchange

STREAMS: Final = {
    "response.output_text.delta": "Reply",
    "response.refusal.delta": "Refusal",
    "response.reasoning_summary_text.delta": "Reasoning",
    "response.reasoning_text.delta": "Reasoning",
    "response.function_call_arguments.delta": "Arguments of a call",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What a list, and the page of one, say of a reply without a word of its text."""

    response: Response
    first_token: float | None
    total: float | None
    spent: Decimal | None = None

    @classmethod
    def of(cls, response: Response, book: Book) -> "Row":
        ends = (response.first_token, response.ended)
        first, total = (round((end - response.created).total_seconds(), 2) if end else None for end in ends)
        return cls(response, first, total, book.of(response))

    @property
    def cost(self) -> str:
        return "–" if self.spent is None else money(self.spent)

    @property
    def reason(self) -> str:
        return logged.reason(self.response)

    @property
    def code(self) -> str:
        return logged.code(self.response)

    @property
    def user(self) -> str:
        return self.response.author.shown_name if self.response.author else LEFT

    @property
    def time(self) -> str:
        return date_format(timezone.localtime(self.response.created), "j M Y, H:i:s")

    @property
    def first(self) -> str:
        return "–" if self.first_token is None else f"{self.first_token:.2f} s"

    @property
    def whole(self) -> str:
        return "–" if self.total is None else f"{self.total:.1f} s"

    @property
    def tokens(self) -> str:
        read, written = self.response.input_tokens, self.response.output_tokens
        return "–" if written is None else f"{read or 0:,} → {written:,}"

    @property
    def tools(self) -> list[str]:
        return self.response.tools.split()

    @property
    def wrong(self) -> bool:
        return self.response.status in ("failed", "incomplete")


@dataclass(slots=True)
class Shown:
    """One exchange in a frame. `closed`: why nothing of it is shown. `versions`: ids of the other wordings and replies."""

    response: Response
    closed: str
    said: ItemView | None = None
    reply: list[ItemView] = field(default_factory=list)
    error: ErrorView | None = None
    versions: list[tuple[str, str, bool]] = field(default_factory=list)


def entries(allowed: Allowed, conversation: Conversation | None, ids: list[str]) -> list[Shown]:
    left, shown = copies.MOST, []
    for one in logged.exchanges(allowed, conversation, ids) if conversation else []:
        inside, left = copies.of(allowed, () if logged.closed(one.response) else one.files.values(), left)
        shown.append(_shown(one, Files(one.files, base="", copies=inside)))
    return shown


def _shown(exchange: Exchange, files: Files) -> Shown:
    response, item = exchange.response, exchange.item
    versions = _versions(exchange)
    if reason := logged.closed(response):
        return Shown(response, reason, versions=versions)
    name = item.author.shown_name if item.author else LEFT
    said = ItemView(item.pk, item.type, item.role, "", item.wire, author_name=name, created=item.created)
    said.parts = part_views(item.wire.get("content"), f"{item.pk}-log", named=exchange.named, files=files)
    reply = [item_view(each.wire, id=f"{each.pk}-log", status=response.status) for each in exchange.output]
    return Shown(response, "", None if item.hidden else said, reply, error_view(response), versions)


def _versions(exchange: Exchange) -> list[tuple[str, str, bool]]:
    """What each other version is called, the Response that it leads to, and whether it is the one that is shown."""
    wordings, replies = exchange.item_versions, exchange.response_versions
    found = [
        (f"Wording {number}", exchange.leads_to[pk], pk == exchange.item.pk)
        for number, pk in enumerate(wordings, 1)
        if len(wordings) > 1 and pk in exchange.leads_to
    ]
    if len(replies) > 1:
        found += [(f"Reply {number}", pk, pk == exchange.response.pk) for number, pk in enumerate(replies, 1)]
    return found


def streams(found: list[tuple[str, list[tuple[float, str]]]]) -> list[dict[str, Any]]:
    """For the replay: each with its pieces, and the milliseconds at which each came."""
    return [
        {"name": STREAMS.get(type_, type_), "pieces": [(round(at * 1000), text) for at, text in pieces]}
        for type_, pieces in found
    ]
