"""No text of the log without a reason, and none without a row that says who read it; of what was not stored none at all."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import AccessRow, Conversation, Opening, Response, Team
from chat.policy import conversations_logged_for, responses_logged_for
from chat.store import access, conversations
from tests.cast import ACTORS
from tests.conftest import signed_in
from tests.log.conftest import CANARY, REPLY, WHO, Log, answered

WORDS = (CANARY, REPLY, "unstoredquestion", "unstoredanswer", "unstoredtitle")


def routes(log: Log) -> list[tuple[str, str, dict[str, str]]]:
    """Every route about the log: method, address, what is sent."""
    found = []
    for one in (log.stored, log.unstored):
        found += [
            ("get", reverse(f"admin:chat_response_{name}", args=[one.pk]), {}) for name in ("change", "text", "raw", "replay")
        ]
        found += [("get", reverse("admin:chat_response_change", args=[one.pk]) + "?show=replay", {})]
        found += [
            ("get", reverse(f"admin:chat_conversation_{name}", args=[one.conversation_id]), {}) for name in ("change", "text")
        ]
    lists = [reverse(f"admin:chat_{name}_changelist") for name in ("response", "conversation", "opening")]
    found += [("get", path, {}) for path in (*lists, f"{lists[0]}?stored=no", reverse("admin:chat_opening_search"))]
    team = log.world.team.pk
    return [*found, *(("post", reverse("admin:chat_opening_found"), {"q": word, "team": team}) for word in WORDS)]


def asked(client: Client, method: str, path: str, sent: dict[str, str]) -> Any:
    return getattr(client, method)(path, sent)


def test_everybody_sees_of_the_log_what_is_theirs_to_look_after_and_no_text(logged: Log) -> None:
    for who in ACTORS:
        looked_at_by(logged, who)
    assert not AccessRow.objects.exists()


def looked_at_by(logged: Log, who: str) -> None:
    person = logged.world.people[who]
    client, seen = signed_in(person), responses_logged_for(person).filter(pk=logged.stored.pk).exists()
    assert seen is (who in WHO)
    for method, path, sent in routes(logged):
        answer = asked(client, method, path, sent)
        inside = {200, 403} if seen else ({200, 404} if who == "other team" else {404, 302})
        assert answer.status_code in inside, path
        assert not any(word in answer.text for word in WORDS), path
        assert seen or logged.stored.pk not in answer.text
    opened = client.post(reverse("admin:chat_response_open", args=[logged.stored.pk]), {"reason": "ticket"})
    assert Opening.objects.filter(reader=person).exists() is seen, opened


def test_each_text_that_is_shown_is_on_record_and_no_other_is(logged: Log) -> None:
    for who in WHO:
        read_by(logged, who)


def read_by(logged: Log, who: str) -> None:
    logged.open(who)
    access.ask(actor=logged.world.people[who], place=logged.world.team, reason="abuse")
    access.ask(actor=logged.world.people[who], place=Conversation.objects.get(pk=logged.unstored.conversation_id), reason="abuse")
    client, shown = logged.client(who), set()
    for method, path, sent in routes(logged):
        before = AccessRow.objects.count()
        text = asked(client, method, path, sent).text
        if sent:  # what was looked for is said
            text = re.sub(r"<[^>]*>", "", text)
        assert not any(word in text for word in WORDS[2:]), path
        if any(word in text for word in WORDS[:2]):
            assert AccessRow.objects.count() > before, path
            shown.add(path.rstrip("/").rpartition("/")[2])
    assert shown == {"text", "raw", "replay", "found"}
    mine = AccessRow.objects.filter(reader=logged.world.people[who].pk).exclude(conversation="")
    assert {row.owner for row in mine} == {logged.world.people["author"].pk}


def test_the_owner_of_the_conversation_learns_who_read_it_and_why_and_nobody_else_does(logged: Log) -> None:
    logged.open("team admin", reason="other", note="They asked me to")
    page = f"/c/{logged.world.conversation.pk}/"
    assert "Read by" not in logged.client("author").get(page).text
    logged.client("team admin").get(reverse("admin:chat_response_text", args=[logged.stored.pk]))
    logged.client("team admin").get(reverse("admin:chat_conversation_text", args=[logged.world.conversation.pk]))
    reader = logged.world.people["team admin"].shown_name
    author = logged.client("author")
    assert f"Read by {reader}" in author.get(page).text
    for path in (f"{page}readings/", "/settings/readings/"):
        text = author.get(path).text
        assert f"<strong>{reader}</strong>" in text
        assert "because: something else, “They asked me to”" in text
        assert "the whole conversation; a reply, with what it answers, 2 times" in text
    writer = logged.client("writer")
    assert "Read by" not in writer.get(page).text
    assert writer.get(f"{page}readings/").status_code == 403
    assert logged.client("other team").get(f"{page}readings/").status_code == 404
    assert "Nobody has read" in writer.get("/settings/readings/").text


def test_a_reason_holds_for_one_person_one_conversation_and_half_an_hour(logged: Log) -> None:
    opening, path = logged.open("team admin"), reverse("admin:chat_response_text", args=[logged.stored.pk])
    assert logged.client("team admin").get(path).status_code == 200
    assert logged.client("team owner").get(path).status_code == 403
    other = reverse("admin:chat_conversation_text", args=[logged.unstored.conversation_id])
    assert logged.client("team admin").get(other).status_code == 403
    Opening.objects.filter(pk=opening.pk).update(expires=timezone.now())
    answer = logged.client("team admin").get(path)
    assert (answer.status_code, CANARY in answer.text) == (403, False)


def test_reading_ends_with_the_role_the_conversation_and_the_days(logged: Log) -> None:
    logged.open("team admin")
    client, path = logged.client("team admin"), reverse("admin:chat_response_text", args=[logged.stored.pk])
    Response.objects.filter(pk=logged.stored.pk).update(created=timezone.now() - timezone.timedelta(days=31))
    for name in ("text", "raw", "replay"):
        assert client.get(path.replace("text", name)).status_code == 403
    assert "keeps texts for 30 days" in client.get(path.replace("text", "change")).text
    transcript = client.get(reverse("admin:chat_conversation_text", args=[logged.world.conversation.pk])).text
    assert CANARY not in transcript
    Response.objects.filter(pk=logged.stored.pk).update(created=timezone.now())
    logged.world.team.memberships.filter(user=logged.world.people["team admin"]).update(role="member")
    assert client.get(path).status_code == 404
    logged.open("server owner")
    conversations.delete(actor=logged.world.people["author"], conversation_id=logged.world.conversation.pk)
    owner = logged.client("server owner")
    assert owner.get(path).status_code == 404
    assert "deleted" in owner.get(path.replace("text", "change")).text


def test_texts_stand_in_a_sandbox_under_the_strict_policy(logged: Log) -> None:
    logged.open("team admin")
    client = logged.client("team admin")
    page = client.get(reverse("admin:chat_response_change", args=[logged.stored.pk]))
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page.text
    for name in ("text", "raw", "replay"):
        answer = client.get(reverse(f"admin:chat_response_{name}", args=[logged.stored.pk]))
        policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'self'"
        assert "allow-same-origin" not in policy["sandbox"]
        assert ("script-src" in policy) is ("allow-scripts" in policy["sandbox"]) is (name == "replay")
        assert answer["X-Frame-Options"] == "SAMEORIGIN"
        assert "no-store" in answer["Cache-Control"]


def test_a_second_admin_consents_or_refuses_where_that_is_wanted(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    opening = logged.open("team admin")
    path, decide = (
        reverse("admin:chat_response_text", args=[logged.stored.pk]),
        reverse("admin:chat_opening_decide", args=[opening.pk]),
    )
    asking, owner = logged.client("team admin"), logged.client("team owner")
    assert asking.get(path).status_code == 403
    assert "Somebody else has to consent" in asking.post(decide, {"grant": "yes"}, follow=True).text
    assert logged.client("other team").post(decide, {"grant": "yes"}).status_code == 404
    assert "T-17" in owner.get(reverse("admin:chat_opening_changelist")).text
    owner.post(decide, {"grant": "yes"})
    assert asking.get(path).status_code == 200
    assert f"{logged.world.people['team owner'].shown_name} consented" in logged.client("author").get("/settings/readings/").text
    assert owner.post(decide, {"grant": "no"}).status_code == 404
    Opening.objects.all().delete()
    refused = logged.open("team admin")
    owner.post(reverse("admin:chat_opening_decide", args=[refused.pk]), {"grant": "no"})
    assert asking.get(path).status_code == 403
    late = logged.open("team admin")
    Opening.objects.filter(pk=late.pk).update(expires=timezone.now())
    assert owner.post(reverse("admin:chat_opening_decide", args=[late.pk]), {"grant": "yes"}).status_code == 404
    everything = logged.client("server owner")
    own = answered(logged.world.people["author"], "Mine alone", "Yes")
    for path in (reverse("admin:chat_opening_open"), reverse("admin:chat_response_open", args=[own.pk])):
        assert "Nobody else could consent" in everything.post(path, {"reason": "ticket"}, follow=True).text


@pytest.mark.parametrize("level", ["server", "team"])
def test_where_only_metadata_is_shown_nobody_reads(logged: Log, level: str) -> None:
    logged.open("server owner")
    where = "/settings/server/" if level == "server" else f"/teams/{logged.world.team.pk}/log-mode/"
    owner = logged.client("server owner" if level == "server" else "team owner")
    more = {"signup": "open", "team_creation": "anyone"} if level == "server" else {}
    owner.post(where, {"log_mode": "metadata", **more})
    if level == "team":
        assert Team.objects.get(pk=logged.world.team.pk).log_mode == "metadata"
        assert logged.client("team admin").post(where, {"log_mode": "full"}).status_code == 404
    client = logged.client("server owner")
    assert client.get(reverse("admin:chat_response_text", args=[logged.stored.pk])).status_code == 403
    assert "metadata only" in client.get(reverse("admin:chat_response_change", args=[logged.stored.pk])).text
    assert CANARY not in client.post(reverse("admin:chat_opening_found"), {"q": CANARY}).text
    assert conversations_logged_for(logged.world.people["server owner"]).exists()
    assert not AccessRow.objects.exists()
