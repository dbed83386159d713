"""`python -m benchmarks.population PEOPLE EACH`: so many people who have signed in, with so many conversations each.

Run beside a server, on its database. Prints JSON: a session and the paths of the conversations, for each.
"""

import json
import sys

from tests.browser import boot


def main(people: int, each: int) -> None:
    from django.db import transaction

    from chat.models import Conversation, Membership, User
    from tests.crowd import main as crowd

    crowd(str(people), "idle")
    with transaction.atomic():
        owners = User.objects.order_by("-pk")[:people]
        teams = dict(Membership.objects.filter(user__in=[owner.pk for owner in owners]).values_list("user_id", "team_id"))
        made = [Conversation(owner=owner, team_id=teams[owner.pk], title="Idle") for owner in owners for _ in range(each)]
        Conversation.objects.bulk_create(made, batch_size=500)
    paths: dict[str, list[str]] = {}
    for conversation in made:
        paths.setdefault(conversation.owner.username, []).append(conversation.url)
    print(json.dumps(paths))


if __name__ == "__main__":
    boot.start()
    main(*map(int, sys.argv[1:]))
