"""A reason holds for the place that it was given for, as long as it is enough; each look is on record under the newest."""

import json
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from chat.models import AccessRow, Conversation, Opening, Team
from chat.store import access, chain, sharing
from tests.log.conftest import Log


def status(log: Log, who: str = "team admin") -> int:
    return log.client(who).get(reverse("admin:chat_response_text", args=[log.stored.pk])).status_code


def test_what_nobody_consented_to_is_closed_once_consent_is_wanted(logged: Log, settings: Any) -> None:
    logged.open("team admin")
    assert status(logged) == 200
    settings.ACCESS_CONSENT = True
    assert status(logged) == 403
    again = logged.open("team admin")
    access.decide(actor=logged.world.people["team owner"], opening_id=again.pk, grant=True)
    assert status(logged) == 200


def test_a_consent_ends_where_the_conversation_moves_to_another_team(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    people, conversation = logged.world.people, logged.world.conversation
    consented, waits = logged.open("team admin"), logged.open("server owner")
    access.decide(actor=people["team owner"], opening_id=consented.pk, grant=True)
    other = Team.objects.create(name="Secretive")
    for who, role in (("team admin", "admin"), ("team owner", "owner")):
        other.memberships.create(user=people[who], role=role)
    Conversation.objects.filter(pk=conversation.pk).update(team=other)
    assert status(logged) == 403
    assert not access.asked(people["team owner"]).exists()
    decide = reverse("admin:chat_opening_decide", args=[waits.pk])
    assert logged.client("team owner").post(decide, {"grant": "yes"}).status_code == 404
    Conversation.objects.filter(pk=conversation.pk).update(team=logged.world.team)
    assert status(logged) == 200
    assert logged.client("team owner").post(decide, {"grant": "yes"}).status_code == 302
    assert status(logged, "server owner") == 200


def test_who_is_refused_is_told_where_they_asked(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    people, page = logged.world.people, reverse("admin:chat_conversation_change", args=[logged.world.conversation.pk])
    asked, who = logged.open("team admin"), people["team owner"].shown_name
    access.decide(actor=people["team owner"], opening_id=asked.pk, grant=False)
    told = f"<bdi>{who}</bdi> refused what you asked for"
    assert told in logged.client("team admin").get(page).text
    assert "refused what" not in logged.client("server owner").get(page).text  # asked for nothing
    logged.open("team admin", reason="abuse")
    assert "refused what" not in logged.client("team admin").get(page).text  # it waits
    Opening.objects.exclude(pk=asked.pk).delete()
    Opening.objects.update(expires=timezone.now())
    assert "refused what" not in logged.client("team admin").get(page).text


def test_where_nobody_else_could_consent_the_page_says_so_and_asks_for_nothing(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    client, search = logged.client("server owner"), reverse("admin:chat_opening_search")
    for page in (search, f"{reverse('admin:chat_export_new')}?of=responses"):
        assert "nobody else looks after everything" in (text := client.get(page).text)
        assert 'name="reason"' not in text
    assert 'name="reason"' in client.get(f"{search}?team={logged.world.team.pk}").text
    sharing.move(actor=logged.world.people["author"], conversation_id=logged.world.conversation.pk, team_id="")
    page = reverse("admin:chat_conversation_change", args=[logged.world.conversation.pk])
    assert "Nobody reads it." in client.get(page).text


def test_another_reason_is_the_one_that_the_next_look_is_on_record_by(logged: Log) -> None:
    path, client = reverse("admin:chat_response_open", args=[logged.stored.pk]), logged.client("team admin")
    for sent in ({"reason": "ticket", "note": "T-17"}, {"reason": "abuse", "note": " Reported "}) * 2:
        client.post(path, sent)
        client.post(path, sent)
        assert status(logged) == 200
    assert Opening.objects.count() == 4  # the same one twice in a row is one
    shown = [json.loads(row.body)["reason"] for row in AccessRow.objects.order_by("number")]
    assert shown == ["ticket", "abuse"] * 2
    assert "“Reported”" in logged.client("author").get("/settings/readings/").text


def test_what_waits_is_asked_once_for_each_reason(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    asked = [logged.open("team admin", reason=reason) for reason in ("ticket", "abuse", "ticket", "abuse")]
    assert [one.reason for one in asked] == ["ticket", "abuse"] * 2
    assert [one.pk for one in asked[:2]] == [one.pk for one in asked[2:]]


def test_a_reason_goes_a_week_after_its_time_and_the_log_of_readings_keeps_it(logged: Log) -> None:
    logged.open("team admin")
    assert status(logged) == 200
    Opening.objects.update(expires=timezone.now() - timedelta(days=6))
    assert access.purge(timezone.now()) is None
    assert access.purge(timezone.now() + timedelta(days=1, seconds=1)) == 1
    assert access.purge(timezone.now() + timedelta(days=1, seconds=1)) is None
    assert chain.ACCESS.verify().broken is None
    assert "T-17" in logged.client("author").get("/settings/readings/").text
    assert "T-17" in logged.client("server owner").get(reverse("admin:chat_accessrow_changelist")).text
