"""What a redacted text hides, wherever a text is shown: also across the pieces in which it came, and from who searches for it."""

import time
from typing import Any

from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from chat.models import AccessRow, Team
from chat.store import access, log_search, redaction
from chat.store.redaction import mask
from tests.log.conftest import Log, answered

HIDDEN = [
    "stella@example.org",
    "o'brien+x@mail.example.co.uk",
    "+49 (0)30 901820",
    "+4930901820",
    "030/90 18 20-0",
    "(555) 123-4567",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "378282246310005",
    "DE89370400440532013000",
    "gb82west12345698765432",
    "sk-proj-abcdefghijklmnop1234",
    "ghp_abcdefghijklmnopqrst",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]
SHOWN = [
    "a@b",
    "2026-11-26",
    "26.11.2026",
    "version 3.11.2",
    "1000000 rows",
    "1234567890123456",  # no card: its last digit does not check
    "pi is 3.14159265358979",
    "task-force",
    "resp_0123456789",
    "DE88370400440532013000",  # no account: it does not check
    "2026-11-26 12:30",
    "1_000_000_000",
    "resp_4111111111111111abcdef0123456789",
]


def test_it_is_hidden_and_the_text_keeps_its_length_and_other_things_stay() -> None:
    for text in HIDDEN:
        assert mask(f"Say {text} to me.") == f"Say {redaction.DOT * len(text)} to me."
    for text in SHOWN:
        assert mask(f"Say {text} now") == f"Say {text} now"


SPELLED = [
    r"stella\u0040quoll.example",
    "stella%40quoll.example",
    "stella&#64;quoll.example",
    "stella&commat;quoll&period;example",
    "**stella**@quoll.example",
    "`stella`@*quoll*.example",
    r"stella\@quoll\.example",
    "stella＠quoll.example",
    "stel\u00adla@\u200bquoll.example",
    r"\"stella\\u0040quoll.example\"",
    r"\n4111111111111111",
    r"4111\u00a01111\u00a01111\u00a01111",
    "4111\u20111111\u20111111\u20111111",
    "_4111 1111 1111 1111_",
    "4111 1111 1111 1111 12/27",
    "1. 4111 1111 1111 1111",
    "+49\u202f171\u202f4111111",
    "_+491714111111_",
    "+49 171 4111111 2026 11",
    r"{\"password\":\"stella22\"}",
    "**password:** stella22",
    "DB_PASSWORD=stella22",
    "OPENAI_API_KEY='stella22'",
    "aws_secret_access_key = stella/22+",
    'clientSecret: "stella quoll 22"',
    "postgres://stella:quoll22@db:5432/x",
    "gsk_stellaquollstellaquoll",
    "SG.stellaquollstellaquoll.stellaquollstellaquoll",
    "Authorization: Basic c3RlbGxhOnF1b2xs",
    "Tel.0171 4111111",
    "Nr.4111111111111111",
    "scan_4111111111111111.png",
    "4111111111111111EUR",
    "4111\t1111\t1111\t1111",
    "| 4111 | 1111 | 1111 | 1111 |",
    "4111,1111,1111,1111",
    "4111\ufe0f1111\ufe0f1111\u180e1111",
    r"stella\x40quoll.example",
    r"stella\u{40}quoll.example",
    "stella@quoll。example",
    '"stella b"@quoll.example',
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nstella\n-----END PGP PRIVATE KEY BLOCK-----",
]


def test_it_is_hidden_however_it_is_spelled() -> None:
    for text in SPELLED:
        found = mask(f"Say {text} to me.")
        assert len(found) == len(f"Say {text} to me.")
        for word in ("stella", "quoll", "1111", "c3Rl"):
            assert word not in found, (text, found)
        assert found.startswith("Say ")
        assert found.endswith(" to me.")


def test_data_hides_what_stands_under_a_secrets_name_and_letter_by_letter() -> None:
    wire = {
        "type": "function_call",
        "env": {"API_KEY": "stella22", "HOME": "/root", "password": 12345678, "secret": ["stella22", None]},
        "stella@example.org": 4111111111111111,
        "logprobs": [{"token": "stel"}, {"token": "la@example.org"}],
        "count": 12,
        "ok": True,
    }
    assert redaction.wire(wire) == {
        "type": "function_call",
        "env": {"API_KEY": "•" * 8, "HOME": "/root", "password": "•" * 8, "secret": ["•" * 8, None]},
        "•" * 18: "•" * 16,
        "logprobs": "(left out)",
        "count": 12,
        "ok": True,
    }


def test_a_long_text_is_masked_soon() -> None:
    for text in (
        "a" * 500_000,
        "1 " * 250_000,
        r"\n" * 250_000,
        "x@" * 250_000,
        "password: " * 50_000,
        "%40" * 160_000,
        "&" * 500_000,
        "4111," * 100_000,
        "1" + "\t" * 500_000,
    ):
        began = time.process_time()
        mask(text)
        assert time.process_time() - began < 4, text[:10]


def test_a_search_says_when_it_did_not_look_through_all(logged: Log, monkeypatch: Any) -> None:
    world = logged.world
    for _ in range(4):
        answered(world.people["author"], "elsewhere quokkaword", "Yes")
    access.ask(actor=world.people["team admin"], place=world.team, reason="abuse")
    client, sent = logged.client("team admin"), {"q": "quokka", "team": world.team.pk}
    assert "Nothing holds all" in client.post(reverse("admin:chat_opening_found"), sent).text
    monkeypatch.setattr(log_search, "LOOK", 3)  # a bound, not a behaviour
    text = client.post(reverse("admin:chat_opening_found"), sent).text
    assert "Nothing holds all" not in text
    assert "only the newest were looked through" in text


def test_places_that_nobody_is_shown_take_none_from_others(logged: Log, monkeypatch: Any) -> None:
    world = logged.world
    owner, author = world.people["server owner"], world.people["author"]
    mine = answered(owner, "narwhal ada@example.org", "Yes")
    for _ in range(2):
        answered(author, "narwhal ada@example.org", "Yes", into=world.conversation.pk)
    monkeypatch.setattr(log_search, "MOST", 2)  # a bound, not a behaviour
    access.ask(actor=owner, place=None, reason="ticket")
    client, path = logged.client("server owner"), reverse("admin:chat_opening_found")
    access.choose_for_team(actor=world.people["team owner"], team=world.team, mode="redacted")
    assert "only the newest were looked through" in client.post(path, {"q": "ada"}).text
    access.choose_for_team(actor=world.people["team owner"], team=world.team, mode="metadata")
    assert mine.pk in client.post(path, {"q": "narwhal"}).text


def test_a_hit_is_marked_where_it_stands(logged: Log) -> None:
    """Letters that fold to two (ß) move nothing."""
    from chat.store import access

    world = logged.world
    answered(world.people["author"], "Straßenfußgängergrüße numbatword here", "Yes", into=world.conversation.pk)
    access.ask(actor=world.people["team admin"], place=world.team, reason="abuse")
    text = logged.client("team admin").post(reverse("admin:chat_opening_found"), {"q": "NUMBAT", "team": world.team.pk}).text
    assert "<mark>numbat</mark>word" in text


def test_what_has_accents_is_found_without_them_and_marked_also_where_texts_are_redacted(logged: Log) -> None:
    from chat.store import access

    world = logged.world
    answered(
        world.people["author"], "Wörter vor dem Résume\u0301wort", "À bientôt, stella@example.org", into=world.conversation.pk
    )
    for mode in ("full", "redacted"):
        Team.objects.filter(pk=world.team.pk).update(log_mode=mode)
        access.ask(actor=world.people["team admin"], place=world.team, reason="abuse")
        client = logged.client("team admin")
        for query, mark in {"resume": "Résume\u0301", "worter RESUMEWORT": "Résume\u0301wort", "bientot": "bientôt"}.items():
            text = client.post(reverse("admin:chat_opening_found"), {"q": query, "team": world.team.pk}).text
            assert f"<mark>{mark}</mark>" in text, (mode, query)
        hidden = client.post(reverse("admin:chat_opening_found"), {"q": "bientot stella", "team": world.team.pk}).text
        assert ("<mark>" in hidden) is (mode == "full")


def test_what_is_given_a_name_is_hidden() -> None:
    assert mask('password = "hunter22", api_key: abcd1234') == f'password = "{"•" * 8}", api_key: {"•" * 8}'


@given(
    st.lists(
        st.sampled_from(["st", "ella@ex", "ample.o", "rg ", "4111 1111 ", "1111 1111", "sk-abcdef", "ghijklmnop", " "]),
        max_size=12,
    )
)
def test_pieces_are_hidden_as_their_whole_is(parts: list[str]) -> None:
    found = redaction.pieces(parts)
    assert [len(part) for part in found] == [len(part) for part in parts]
    assert "".join(found) == mask("".join(parts))


def test_no_way_to_a_text_shows_what_is_hidden(logged: Log) -> None:
    secret, card = "stella.secret@example.org", "4111111111111111"
    world = logged.world
    one = answered(
        world.people["author"],
        f"Mail {secret}",
        f"I mailed {secret} with {card} quolls",
        into=world.conversation.pk,
        pieces=["I mailed stel", "la.secr", "et@exam", "ple.org with 4111", "11111111", "1111 quolls"],
    )
    Team.objects.filter(pk=world.team.pk).update(log_mode="redacted")
    world.conversation.refresh_from_db()
    logged.open("team admin")
    from chat.store import access

    access.ask(actor=world.people["team admin"], place=world.team, reason="abuse")
    client, found = logged.client("team admin"), {}
    for name in ("text", "raw", "replay"):
        found[name] = client.get(reverse(f"admin:chat_response_{name}", args=[one.pk])).text
    found["transcript"] = client.get(reverse("admin:chat_conversation_text", args=[one.conversation_id])).text
    found["search"] = client.post(reverse("admin:chat_opening_found"), {"q": "quolls", "team": world.team.pk}).text
    for name, text in found.items():
        assert "quolls" in text, name
        assert "•••" in text, name
        for word in ("stella", "secret@", "4111", "1111"):
            assert word not in text, (name, word)
    for words in ("stella", "secret quolls", card):
        text = client.post(reverse("admin:chat_opening_found"), {"q": words, "team": world.team.pk}).text
        assert "Nothing holds all of these words." in text


def test_a_search_is_on_record_with_its_words_and_each_conversation_that_it_showed(logged: Log) -> None:
    from chat.store import access
    from tests.log.conftest import CANARY

    world = logged.world
    access.ask(actor=world.people["team admin"], place=world.team, reason="abuse")
    client: Any = logged.client("team admin")
    for words, count in ((CANARY[:8], 2), ("nothingofthekind", 0), ("unstoredquestion", 0)):
        text = client.post(reverse("admin:chat_opening_found"), {"q": words, "team": world.team.pk}).text
        assert text.count("<mark>") == count
    assert [row.detail.text.count("words") for row in AccessRow.objects.select_related("detail").order_by("number")] == [1] * 4
    assert "nothingofthekind" in logged.client("server owner").get("/admin/chat/accessrow/").text
    seen = logged.client("author").get("/settings/readings/").text
    assert "seen in a search" in seen
    assert "nothingofthekind" not in seen
