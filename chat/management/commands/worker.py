"""`manage.py worker`: executes replies, on Postgres; any number of them, beside any number of web processes."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from chat import providers
from chat.management.database import up_to_date
from chat.runs.process import process
from chat.store import pool


class Command(BaseCommand):
    help = "Execute replies, as jobs on Postgres, until SIGTERM; those that are being written are finished first."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ON_SQLITE:
            raise CommandError(
                "On SQLite the one process of `manage.py serve` executes replies itself. Set DATABASE_URL for workers."
            )
        try:
            if not up_to_date():
                raise CommandError("The database is not up to date. Run once, before the workers start: manage.py migrate")
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}. Check DATABASE_URL.") from None
        asyncio.run(self.work())

    async def work(self) -> None:
        ended, hurried = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            (hurried if ended.is_set() else ended).set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked)
        process.open(executes=True, reads=False, work=(providers.keep,))
        self.stdout.write("The worker is ready.")
        self.stdout.flush()
        await ended.wait()
        waits = [asyncio.ensure_future(process.drain()), asyncio.ensure_future(hurried.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await process.close()
        pool.leave()
