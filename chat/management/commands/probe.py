"""`manage.py probe`: asks the model server what it can, prints that, and keeps it. May run beside a server that serves."""

import asyncio
import signal
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from chat import providers
from chat.errors import ParleyError
from chat.management.database import up_to_date
from chat.providers.probing import CAPABILITIES, Found
from chat.runs.probes import ask
from chat.store import probes

MARKS = {True: "yes", False: "no", None: "?"}
WIDE = 68  # characters of a sentence in one line


class Command(BaseCommand):
    help = "Ask the model server what it can, by about 25 small requests (it bills them like others), and keep the answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", default="", help="the model to ask; else PARLEY_MODEL, or the server's first")

    def handle(self, *args: Any, **options: Any) -> None:
        if not up_to_date():
            raise CommandError("The tables are not those of this version: run manage.py migrate first.")
        try:
            server = providers.server()
            model, found = asyncio.run(self._ask(options["model"]))
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise CommandError(
                "Interrupted. What it had made at the model server is deleted again, and no answer is kept."
            ) from None
        except DatabaseError as error:
            raise CommandError(
                f"The database failed ({type(error).__name__}). What was made at the model server stands in the ledger, and goes."
            ) from error
        except ParleyError as error:
            raise CommandError(f"{error.message} {error.next}") from None
        probes.keep(server=server, model=model, found=found, by=None)
        self.stdout.write(f"{server}, model {model or 'not known'}\n")
        self.stdout.write(table(found))
        if not any(isinstance(row["can"], bool) for row in found.values()):
            raise CommandError("The model server told nothing about itself; the reason stands above.")

    async def _ask(self, model: str) -> tuple[str, Found]:
        asking = asyncio.current_task()
        assert asking is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asking.cancel)  # Python turns Ctrl+C into the same
        return await ask(model=model, told=self._told)

    async def _told(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total}", ending="\n" if done == total else "")
            self.stderr.flush()


def table(found: Found) -> str:
    """A line for each capability, what does not fit into it below."""
    wide = max(len(words) for words in CAPABILITIES.values())
    lines = []
    for name, row in found.items():
        first, *more = textwrap.wrap(str(row["said"]), WIDE) or [""]
        lines.append(f"{CAPABILITIES.get(name, name):{wide}}  {MARKS[row['can']]:3}  {row['seconds']:5.1f} s  {first}")  # type: ignore[index]
        lines += [" " * (wide + 16) + rest for rest in more]
    return "\n".join(lines)
