"""Check the record of who has read whose conversations: every row, and that none is missing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.store import chain


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--noted", metavar="HASH", default="", help="a last hash that this has printed before: a row has to have it still"
        )

    def handle(self, *args: Any, noted: str = "", **options: Any) -> None:
        found = chain.verify()
        if found.broken is not None:
            raise CommandError(
                f"Row {found.broken} is broken: {found.why}. The {found.broken - 1} before it are as they were written."
            )
        if noted and not chain.holds(noted):
            raise CommandError("No row has the hash that was noted: the end was cut off since, or another record was made.")
        rows = "1 row is as it was" if found.count == 1 else f"{found.count} rows are as they were"
        self.stdout.write(f"{rows} written. {f'The last hash is {found.head}.' if found.head else ''}".strip())
