import hashlib
import json
import secrets

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

OPEN = models.Q(("state__in", ["kept", "due", "remains"]))
SLICE = 500
REFUSALS = {
    "chat_adminact_unchanged": ("UPDATE", "chat_adminact"),
    "chat_adminact_unremoved": ("DELETE", "chat_adminact"),
    "chat_adminactdetail_unchanged": ("UPDATE", "chat_adminactdetail"),
}
"""Triggers: what of which table they refuse. Details go with their people."""
SQLITE = "CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'This log is only added to.'); END"
FUNCTION = """CREATE FUNCTION chat_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'This log is only added to.' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
POSTGRES = "CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION chat_only_added_to()"
TEAMS = """UPDATE chat_kept SET team = COALESCE(
(SELECT r.team_id FROM chat_turn t JOIN chat_response r ON r.id = t.response_id WHERE t.id = chat_kept.turn_id),
(SELECT c.team_id FROM chat_conversation c WHERE c.id = chat_kept.conversation_id), '')"""


def refuse(apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    if on_postgres:
        schema_editor.execute(FUNCTION, None)
    for name, (what, table) in REFUSALS.items():
        schema_editor.execute((POSTGRES if on_postgres else SQLITE).format(name=name, what=what, table=table), None)


def allow(apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for name, (_, table) in REFUSALS.items():
        schema_editor.execute(f"DROP TRIGGER {name}{f' ON {table}' if on_postgres else ''}", None)
    if on_postgres:
        schema_editor.execute("DROP FUNCTION chat_only_added_to()", None)


def name_teams(apps, schema_editor):
    schema_editor.execute(TEAMS, None)


def take_over(apps, schema_editor):
    """Entries of Django's log become the first rows of the chain, in their words, which name people by their keys."""
    LogEntry = apps.get_model("admin", "LogEntry")
    AdminAct, Detail, Head = (apps.get_model("chat", name) for name in ("AdminAct", "AdminActDetail", "AdminActHead"))
    head, rows, details = Head(number=0, hash=""), [], []

    def keep():
        AdminAct.objects.bulk_create(rows)
        Detail.objects.bulk_create(details)
        rows.clear()
        details.clear()

    for entry in LogEntry.objects.select_related("content_type", "user").order_by("action_time", "pk").iterator(SLICE):
        salt = secrets.token_hex(32)
        row = chained(AdminAct, head, entry, details=sha256(salt, "{}"))
        head.hash = row.hash = sha256(head.hash, row.body)
        rows.append(row)
        details.append(Detail(row=row, salt=salt, text="{}", who=entry.user if row.who else None))
        if len(rows) == SLICE:
            keep()
    keep()
    if head.number:
        head.save()
        LogEntry.objects.all().delete()


def chained(AdminAct, head, entry, *, details):
    head.number += 1
    at = entry.action_time.isoformat(timespec="milliseconds")
    facts = {"who": who(entry.user), "what": "earlier", "about": about(entry), "team": ""}
    if facts["about"].startswith("team:"):
        facts["team"] = facts["about"].removeprefix("team:")[:40]
    body = {"number": head.number, "at": at, **facts, "before": "", "after": "", "details": details, "said": entry.change_message}
    created = entry.action_time.replace(microsecond=entry.action_time.microsecond // 1000 * 1000)
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return AdminAct(id=f"act_{head.number:032x}", number=head.number, body=text, created=created, **facts)


def who(user):
    """Nameless are those who had left."""
    return "" if not user.is_active and user.username.startswith("left-") else f"user:{user.pk}"


def about(entry):
    kind = entry.content_type.model if entry.content_type is not None else ""
    return "server" if kind == "server" else f"{kind}:{entry.object_id}"[:200] if kind else ""


def sha256(before, text):
    return hashlib.sha256(f"{before}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("chat", "0026_longer_upstream_ids"),
    ]

    operations = [
        migrations.CreateModel(
            name="AdminAct",
            fields=[
                ("body", models.TextField()),
                ("hash", models.CharField(max_length=64)),
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(unique=True)),
                ("who", models.CharField(max_length=30)),
                ("what", models.CharField(max_length=30)),
                ("about", models.CharField(blank=True, max_length=200)),
                ("team", models.CharField(blank=True, db_column="team_id", max_length=40)),
                ("created", models.DateTimeField()),
            ],
            options={
                "verbose_name": "record",
                "verbose_name_plural": "record",
                "indexes": [
                    models.Index(fields=["created", "id"], name="act_newest"),
                    models.Index(fields=["who", "created", "id"], name="act_of_somebody"),
                    models.Index(fields=["about", "created", "id"], name="act_about"),
                    models.Index(fields=["team", "created", "id"], name="act_in_team"),
                    models.Index(fields=["what", "created", "id"], name="act_of_kind"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdminActHead",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                ("number", models.BigIntegerField(default=0)),
                ("hash", models.CharField(blank=True, max_length=64)),
            ],
            options={"constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_act_head")]},
        ),
        migrations.CreateModel(
            name="AdminActDetail",
            fields=[
                ("salt", models.CharField(max_length=64)),
                ("text", models.TextField()),
                (
                    "row",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="detail",
                        serialize=False,
                        to="chat.adminact",
                    ),
                ),
                (
                    "who",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AlterModelOptions(
            name="kept",
            options={"verbose_name": "kept elsewhere", "verbose_name_plural": "kept elsewhere"},
        ),
        migrations.AddField(
            model_name="kept",
            name="team",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.RunPython(name_teams, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="kept",
            index=models.Index(condition=OPEN, fields=["server", "kind", "state", "expires"], name="kept_totals"),
        ),
        migrations.AddIndex(
            model_name="kept",
            index=models.Index(condition=OPEN, fields=["team", "server", "kind", "state", "expires"], name="kept_in_team"),
        ),
        migrations.RunPython(refuse, allow),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
