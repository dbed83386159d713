"""`manage.py purge`: removes all that has expired, now. May run beside processes that serve, which do it by themselves, too."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from chat.management.database import up_to_date
from chat.runs.purge import WORDS, Purging


class Command(BaseCommand):
    help = "Remove all that has expired or was deleted for good, and say what went."

    def handle(self, *args: Any, **options: Any) -> None:
        if not up_to_date():
            raise CommandError("The tables are not those of this version: run manage.py migrate first.")
        purging = Purging()
        counts = purging.counts.copy()
        try:
            for _ in purging.pieces():
                counts = purging.counts.copy()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}. What went is gone; run it again.") from None
        went = [f"{count:,} {WORDS[name]}" for name, count in counts.items() if count]
        self.stdout.write(f"Removed: {', '.join(went)}." if went else "Nothing had expired.")
