"""`python -m tests.browser.ages NAME DAYS…`: make this person's conversations, newest first, so many days older."""

import sys
from datetime import timedelta

from tests.browser import boot


def main(name: str, *days: str) -> None:
    from chat.models import Conversation

    for conversation, age in zip(Conversation.objects.filter(owner__username=name).order_by("-active"), days, strict=True):
        conversation.active -= timedelta(days=int(age))
        conversation.save(update_fields=["active"])


if __name__ == "__main__":
    boot.start()
    main(*sys.argv[1:])
