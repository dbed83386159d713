"""What benchmarks.log_pages fills the tables with, in SQL: a row each would take hours."""

from typing import Final

PEOPLE: Final = 200
TEAMS: Final = 20
WORDS: Final = "tides pull the ocean because gravity of the moon varies across the earth and quarks bind"
USAGE: Final = '{"input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 200}'
ID: Final = {"sqlite": "printf('{0}_%%032x', {1})", "postgresql": "'{0}_' || lpad(to_hex({1}), 32, '0')"}
SERIES: Final = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {0})",
    "postgresql": "WITH n AS (SELECT i::bigint FROM generate_series(0, {0} - 1) AS s(i))",
}
AGO: Final = {
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '-' || ({0}) || ' seconds')",
    "postgresql": "now() - ({0}) * interval '1 second'",
}
TALKS: Final = """INSERT INTO chat_conversation (id, owner_id, team_id, team_access, shared, title, titled_by, model, store,
    position, created, active)
{fewer} SELECT {conv}, {first} + (i % {people}), {team}, '', {false}, '', '', '', {true}, 0, {late}, {late} FROM n"""
REPLIES: Final = """INSERT INTO chat_response (id, conversation_id, author_id, team_id, status, model, store, instructions, epoch,
    attempts, position, sequence, input_tokens, output_tokens, usage, tools, error_code, error_message, incomplete_reason,
    created, started, first_token, ended)
{all} SELECT {resp}, {conv_of}, {first} + (i % {talks} % {people}), {team_of},
    CASE WHEN i % 97 = 0 THEN 'failed' WHEN i % 101 = 0 THEN 'cancelled' ELSE 'completed' END,
    CASE WHEN i % 50 = 7 THEN 'rare-model' ELSE 'model-' || (i % 5) END,
    i % 50 <> 0, '', 1, 1, i, 9, 100, 200, {usage},
    CASE WHEN i % 40 = 0 THEN ' web_search ' WHEN i % 9973 = 0 THEN ' rare_tool ' ELSE '' END,
    CASE WHEN i % 97 = 0 THEN 'x' ELSE '' END, '', '', {soon}, {soon}, {soon_after}, {ended} FROM n"""
ITEMS: Final = """INSERT INTO chat_item (id, conversation_id, response_id, output_index, type, role, status, wire, upstream_id,
    hidden, created)
{fewer} SELECT {msg}, {conv}, {resp}, 0, 'message', 'assistant', 'completed', '{{"type": "message", "content": []}}', '', {false},
    {soon} FROM n"""
ENTRIES: Final = """INSERT INTO chat_searchentry (conversation_id, item_id, owner_id, text)
{fewer} SELECT {conv}, {msg}, {first} + (i % {people}), {text} FROM n"""


def statements(vendor: str, replies: int, first: int, teams: list[str]) -> list[str]:
    """Conversations, ten replies in each, and for one of ten replies its item with words to be found. `first`: the key of the
    first of `PEOPLE` that follow each other.
    """
    talks = max(replies // 10, 1)
    cases = " ".join(f"WHEN {number} THEN '{pk}'" for number, pk in enumerate(teams))
    words = " || ".join(f"CASE (i * {7 + at}) % 3 WHEN 0 THEN '{word} ' ELSE '' END" for at, word in enumerate(WORDS.split()))
    spread = f"{{0}} % {TEAMS} * ({{0}} / {TEAMS} % {TEAMS}) + 7"  # some in each, and in some many
    names = {
        **{prefix: ID[vendor].format(prefix, "i").replace("%%", "%") for prefix in ("conv", "resp", "msg")},
        "conv_of": ID[vendor].format("conv", f"i % {talks}").replace("%%", "%"),
        "team": f"CASE ({spread.format('i')}) % {TEAMS} {cases} END",
        "team_of": f"CASE ({spread.format(f'(i % {talks})')}) % {TEAMS} {cases} END",
        "late": AGO[vendor].format("i * 25").replace("%%", "%"),
        "soon": AGO[vendor].format("i * 2.5 + 20").replace("%%", "%"),
        "soon_after": AGO[vendor].format("i * 2.5 + 19.6").replace("%%", "%"),
        "ended": AGO[vendor].format("i * 2.5 + 17 - i % 7").replace("%%", "%"),
        "usage": f"'{USAGE}'" + ("" if vendor == "sqlite" else "::jsonb"),
        "text": f"{words} || CASE WHEN i % 9973 = 0 THEN 'zebra' ELSE '' END",
        "fewer": SERIES[vendor].format(talks),
        "all": SERIES[vendor].format(replies),
        "false": "0" if vendor == "sqlite" else "false",
        "true": "1" if vendor == "sqlite" else "true",
    }
    fill = {**names, "first": first, "people": PEOPLE, "talks": talks}
    return [one.format(**fill) for one in (TALKS, REPLIES, ITEMS, ENTRIES)]
