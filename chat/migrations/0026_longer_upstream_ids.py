"""What a provider calls things may be longer than 200 characters. SQLite bounds no text: there nothing changes, and no table is made
anew.
"""

from django.db import migrations, models


class Widen(migrations.AlterField):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self.database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("chat", "0025_settled")]
    operations = [
        Widen("kept", "upstream_id", models.CharField(max_length=1000)),
        Widen("turn", "upstream_id", models.CharField(blank=True, max_length=1000)),
        Widen("item", "upstream_id", models.CharField(blank=True, max_length=1000)),
    ]
