"""The panel's record names people by their keys. Entries from before say names and addresses: a username that is somebody's becomes
their key, all others go.
"""

import re

from django.db import migrations

ACCOUNT = re.compile(r"(?s).+ is (suspended|let in again|signed out everywhere)\.")
ROLE = re.compile(r"(?s)(?P<who>.+?) (?P<what>is (?:owner|admin|member|guest) of .+ from now on|is out of .+)\.")
INVITATION = re.compile(r"(?s)The invitation for .+ is withdrawn\.")
SLICE = 500


def by_keys(apps, schema_editor):
    LogEntry, User = apps.get_model("admin", "LogEntry"), apps.get_model("chat", "User")
    people = dict(User.objects.values_list("username", "pk"))
    changed = []
    for entry in LogEntry.objects.select_related("content_type").iterator(SLICE):
        of_person = entry.content_type is not None and entry.content_type.model == "user"
        entry.change_message = reworded(entry.change_message, entry.object_id if of_person else None, people)
        if of_person:
            entry.object_repr = token(entry.object_id)
        changed.append(entry)
    LogEntry.objects.bulk_update(changed, ["change_message", "object_repr"], batch_size=SLICE)


def reworded(said, key, people):
    if key is not None and (found := ACCOUNT.fullmatch(said)):
        return f"{token(key)} is {found[1]}."
    if INVITATION.fullmatch(said):
        return "An invitation is withdrawn."
    if found := ROLE.fullmatch(said):
        return f"{token(people.get(found['who'], 0))} {found['what']}."
    return said


def token(key):
    return f"\x02{key}\x03"


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("chat", "0020_search_in_pieces"),
    ]
    operations = [migrations.RunPython(by_keys, migrations.RunPython.noop)]
