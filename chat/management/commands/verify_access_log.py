"""Check the record of who has read whose conversations, and that of what admins did: every row, and that none is missing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.store import chain

LOGS = {"": chain.ACCESS, "The record of what admins did: ": chain.ACTS}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        said = "a last hash that this has printed before: a row has to have it still; for several, again"
        parser.add_argument("--noted", metavar="HASH", action="append", default=[], help=said)

    def handle(self, *args: Any, noted: list[str], **options: Any) -> None:
        found = {name: log.verify() for name, log in LOGS.items()}
        for name, verdict in found.items():
            if verdict.broken is None:
                self.stdout.write(f"{name}{_whole(verdict)}")
        broken = [f"{name}{_broken(verdict)}" for name, verdict in found.items() if verdict.broken is not None]
        if broken:
            raise CommandError("\n".join(broken))
        for one in noted:
            if not any(log.holds(one) for log in LOGS.values()):
                cut = "the end was cut off since, or another record was made"
                raise CommandError(f"No row has the hash that was noted, {one}: {cut}.")


def _whole(found: chain.Verdict) -> str:
    rows = "1 row is as it was" if found.count == 1 else f"{found.count} rows are as they were"
    return f"{rows} written. {f'The last hash is {found.head}.' if found.head else ''}".strip()


def _broken(found: chain.Verdict) -> str:
    before = (found.broken or 1) - 1
    return f"Row {found.broken} is broken: {found.why}. The {before} before it are as they were written."
