"""SQLite's index may lack the oldest entries while it is made anew: what is not in it is not taken out of it. And a merge that was
begun is gone on with, whatever was written meanwhile: FTS5 would wait until there are four new parts.
"""

from django.db import migrations

DELETE = """CREATE TRIGGER chat_search_delete AFTER DELETE ON chat_searchentry{when} BEGIN
    INSERT INTO chat_search(chat_search, rowid, text) VALUES ('delete', old.id, old.text);
END"""
UPDATE = """CREATE TRIGGER chat_search_update AFTER UPDATE OF text ON chat_searchentry{when} BEGIN
    INSERT INTO chat_search(chat_search, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO chat_search(rowid, text) VALUES (new.id, new.text);
END"""
WHEN = " WHEN EXISTS (SELECT 1 FROM chat_search_docsize WHERE id = old.id)"


def of_indexed(apps, schema_editor):
    _make(schema_editor, when=WHEN, parts=2)


def of_all(apps, schema_editor):
    _make(schema_editor, when="", parts=2)


def _make(schema_editor, *, when, parts):
    if schema_editor.connection.vendor == "sqlite":
        for name, make in (("delete", DELETE), ("update", UPDATE)):
            schema_editor.execute(f"DROP TRIGGER chat_search_{name}", None)
            schema_editor.execute(make.format(when=when), None)
        schema_editor.execute(f"INSERT INTO chat_search(chat_search, rank) VALUES ('usermerge', {parts})", None)


class Migration(migrations.Migration):
    dependencies = [("chat", '0019_kept')]
    operations = [migrations.RunPython(of_indexed, of_all)]
