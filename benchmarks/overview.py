"""`python -m benchmarks.overview [--rows N] [--requests N]`: how long the panel's overview takes over N replies of 90 days, and
how long counting them took, on the database of DATABASE_URL, which must be empty (without: SQLite in a folder that is removed).
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

PEOPLE, TEAMS, MODELS, DAYS, SLICE = 1_000, 20, 5, 90, 5_000
PAGES = ("?days=7", "?days=30", "?days=90", "?days=365", "?days=90&model=model-1", "?days=90&team={team}")
BOUND = 200.0  # milliseconds, p95


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=20, help="of each page")
    given = parser.parse_args()
    home = tempfile.mkdtemp(prefix="parley-overview-")
    os.environ |= {"PARLEY_VAR": home, "DJANGO_SETTINGS_MODULE": "project.settings", "LOG_LEVEL": "ERROR", "SECRET_KEY": home * 4}
    try:
        return measure(given.rows, given.requests)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def measure(rows: int, requests: int) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    owner, team = populate(rows)
    print(f"{rows:,} replies: counted in {timed(count):.1f} s", flush=True)
    client, worst = Client(headers={"host": "localhost"}), 0.0
    client.force_login(owner)
    for page in PAGES:
        path = f"/admin/chat/daily/{page.format(team=team)}"
        client.get(path)
        cpu = time.process_time()
        took = sorted(timed(lambda path=path: client.get(path)) * 1000 for _ in range(requests))  # type: ignore[misc]
        cpu = (time.process_time() - cpu) * 1000 / requests
        p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95) - 1]
        worst = max(worst, p95) if "365" not in page else worst
        said = f"{page[:24]:24} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   CPU {cpu:4.0f} ms"
        print(f"{said}   {len(client.get(path).content) / 1024:.0f} KiB", flush=True)
    return int(worst > BOUND)


def populate(rows: int) -> tuple[Any, str]:
    from chat.models import Conversation, Response, Team, User
    from chat.store import accounts, teams

    owner = User.objects.create_user(username="owner", password=None)
    accounts.welcome(owner)
    there = [teams.create(actor=owner, name=f"Team {number}").pk for number in range(TEAMS)]
    User.objects.bulk_create([User(username=f"p{number}") for number in range(PEOPLE)])
    people = list(User.objects.values_list("pk", flat=True))
    talk = Conversation.objects.create(owner=owner, team=Team.objects.get(pk=there[0]))
    field: Any = Response._meta.get_field("created")
    field.auto_now_add = False  # they are of 90 days
    try:
        for size in slices(rows):
            Response.objects.bulk_create([reply(talk.pk, people, there) for _ in range(size)])
    finally:
        field.auto_now_add = True
    return owner, there[0]


def slices(rows: int) -> Iterator[int]:
    for at in range(0, rows, SLICE):
        yield min(SLICE, rows - at)


def reply(conversation_id: str, people: list[int], teams: list[str]) -> Any:
    from chat.models import Response

    author, now = random.randrange(len(people)), datetime.now(UTC)
    created = now - timedelta(days=DAYS * random.random() * 0.99)
    read, written = random.randrange(50, 20_000), random.randrange(10, 2_000)
    return Response(
        conversation_id=conversation_id,
        author_id=people[author],
        team_id=teams[author % len(teams)],
        model=f"model-{min(random.randrange(MODELS), random.randrange(MODELS))}",
        status=random.choices(("completed", "failed", "incomplete"), (95, 3, 2))[0],
        store=random.random() < 0.8,
        usage={"input_tokens": read, "output_tokens": written, "input_tokens_details": {"cached_tokens": read // 3}},
        created=created,
        first_token=created + timedelta(seconds=random.lognormvariate(-0.3, 0.7)),
    )


def count() -> None:
    from chat.store import counting

    while counting.step():
        pass


def timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
