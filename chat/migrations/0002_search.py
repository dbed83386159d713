"""The engines' own full-text indexes over chat_searchentry: FTS5 with triggers on SQLite, a GIN expression index on PostgreSQL."""

from django.db import migrations

SQLITE = [
    """CREATE VIRTUAL TABLE chat_search USING fts5(
           text, content='chat_searchentry', content_rowid='id', tokenize="unicode61 remove_diacritics 2", prefix='2 3')""",
    """CREATE TRIGGER chat_search_insert AFTER INSERT ON chat_searchentry BEGIN
           INSERT INTO chat_search(rowid, text) VALUES (new.id, new.text);
       END""",
    """CREATE TRIGGER chat_search_delete AFTER DELETE ON chat_searchentry BEGIN
           INSERT INTO chat_search(chat_search, rowid, text) VALUES ('delete', old.id, old.text);
       END""",
    """CREATE TRIGGER chat_search_update AFTER UPDATE ON chat_searchentry BEGIN
           INSERT INTO chat_search(chat_search, rowid, text) VALUES ('delete', old.id, old.text);
           INSERT INTO chat_search(rowid, text) VALUES (new.id, new.text);
       END""",
]
# Words without stemming, and without accents where the unaccent dictionary can be had (it comes with PostgreSQL and is trusted).
POSTGRES = [
    "CREATE TEXT SEARCH CONFIGURATION chat_words (COPY = simple)",
    """DO $$ BEGIN
           CREATE EXTENSION IF NOT EXISTS unaccent;
           ALTER TEXT SEARCH CONFIGURATION chat_words ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
       EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'unaccent is not to be had: search minds accents';
       END $$""",
    "CREATE INDEX chat_search ON chat_searchentry USING gin (to_tsvector('chat_words', left(text, 200000)))",
]
UNDO = {
    "sqlite": ["DROP TRIGGER chat_search_insert", "DROP TRIGGER chat_search_delete", "DROP TRIGGER chat_search_update", "DROP TABLE chat_search"],
    "postgresql": ["DROP INDEX chat_search", "DROP TEXT SEARCH CONFIGURATION chat_words"],
}


def make(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRES}[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


def unmake(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]
    operations = [migrations.RunPython(make, unmake)]
