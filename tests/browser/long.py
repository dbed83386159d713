"""`python -m tests.browser.long NAME EXCHANGES`: a conversation of this person with so many exchanges; prints its address."""

import sys
from typing import Any

from tests.browser import boot

BODIES = (
    "A plain paragraph, with **bold** words and `code`.",
    "1. one\n2. two\n   - nested\n\n> a quote",
    "| a | b |\n|---|--:|\n| 1 | 2 |",
    "```python\nprint('hello')\n```\n\nand a word after it",
    "Some words about rivers. " * 12,
)
NEEDLE = 1200
"""The exchange that holds the word `needle`."""


def main(name: str, exchanges: str) -> None:
    from django.db import transaction

    from chat.models import Conversation, Item, Response, Team, User

    owner = User.objects.get(username=name)
    conversation = Conversation(owner=owner, team=Team.objects.get(personal_of=owner), titled_by="user")
    conversation.title = f"Long, with {exchanges} exchanges"
    count = int(exchanges)
    asked, responses, answered = rows(conversation, owner, count)
    with transaction.atomic():
        conversation.save()
        Item.objects.bulk_create(asked, batch_size=500)
        Response.objects.bulk_create(responses, batch_size=500)
        Item.objects.bulk_create(answered, batch_size=500)
        index(conversation, [*asked, *answered])
        conversation.head, conversation.position = responses[-1], count
        conversation.save()
    print(conversation.url)


def rows(conversation: Any, owner: Any, count: int) -> tuple[list[Any], list[Any], list[Any]]:
    from django.utils import timezone

    from chat.models import Item, Response

    said: dict[str, Any] = {"conversation": conversation, "status": "completed"}
    asked: list[Any] = []
    responses: list[Any] = []
    answered: list[Any] = []
    for number in range(1, count + 1):
        previous = responses[-1] if responses else None
        wire = message("user", "input_text", f"Question {number}?" + (" Where is the needle?" if number == NEEDLE else ""))
        asked.append(Item(**said, previous=previous, author=owner, role="user", wire=wire))
        responses.append(Response(**said, input=asked[-1], author=owner, model="scripted", position=number, ended=timezone.now()))
        wire = message("assistant", "output_text", f"Answer {number}. {BODIES[number % len(BODIES)]}")
        answered.append(Item(**said, response=responses[-1], output_index=0, role="assistant", wire=wire))
    return asked, responses, answered


def message(role: str, kind: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "status": "completed", "content": [{"type": kind, "text": text}]}


def index(conversation: Any, items: list[Any]) -> None:
    from chat.models import SearchEntry

    entries = [
        SearchEntry(conversation=conversation, item=item, owner=conversation.owner, text=item.wire["content"][0]["text"])
        for item in items
    ]
    SearchEntry.objects.bulk_create(entries, batch_size=500)


if __name__ == "__main__":
    boot.start()
    main(*sys.argv[1:])
