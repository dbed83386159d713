"""Where a reply ended in its conversation stands in a column of its own, which no flush changes: Postgres writes all indexes of a row
anew with each change of a column that one of them names. There its row has room to change in place, and so has its conversation's.
"""

from django.db import migrations, models

ROOM = {"chat_response": 70, "chat_conversation": 80}  # percent of a page that is filled by new rows


def make_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, filled in ROOM.items():
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = {filled})", None)


def fill(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in ROOM:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)", None)


SETTLE = "UPDATE chat_response SET settled = position WHERE NOT status IN ('queued', 'in_progress')"


class Migration(migrations.Migration):
    dependencies = [("chat", "0024_daily_numbers")]
    operations = [
        migrations.RemoveIndex(model_name="response", name="response_position"),
        migrations.RemoveIndex(model_name="response", name="response_with_tools"),
        migrations.AddField(model_name="response", name="settled", field=models.PositiveBigIntegerField(null=True)),
        migrations.RunPython(make_room, fill),
        migrations.RunSQL(SETTLE, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="response",
            index=models.Index(condition=models.Q(settled__isnull=False), fields=["conversation", "settled"], name="response_settled"),
        ),
        migrations.AddIndex(
            model_name="response",
            index=models.Index(condition=~models.Q(tools=""), fields=["created", "id", "tools"], name="response_calling"),
        ),
    ]
