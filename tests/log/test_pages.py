"""What the pages of the log say of times, of what nobody counted, and of what is not there any more."""

from django.urls import reverse

from chat.models import Response
from chat.store import access, conversations, readings
from tests.log.conftest import Log

READINGS, RECORD = (reverse(f"admin:chat_{name}_changelist") for name in ("accessrow", "adminact"))


def test_a_time_says_in_which_zone_it_is(logged: Log) -> None:
    """It is the viewer's: a wrong word beside it makes evidence false by hours."""
    pages = [reverse(f"admin:chat_{name}_changelist") for name in ("response", "conversation")]
    pages += [reverse("admin:chat_response_change", args=[logged.stored.pk]), READINGS, RECORD]
    pages += [reverse("admin:chat_conversation_change", args=[logged.world.conversation.pk])]
    logged.open("server owner")
    client = logged.client("server owner")
    Response.objects.filter(pk=logged.stored.pk).update(created="2026-03-01T20:30:00Z")
    for zone, shown in (("", "1 Mar 2026, 20:30:00"), ("Asia/Tokyo", "2 Mar 2026, 05:30:00")):
        client.cookies["tz"] = zone
        for page in pages:
            assert f"({zone or 'UTC'})" in client.get(page).text, (page, zone)
        assert shown in client.get(pages[0]).text
        assert shown in client.get(pages[2]).text


def test_tokens_that_nobody_counted_are_a_dash(logged: Log) -> None:
    page = reverse("admin:chat_response_change", args=[logged.stored.pk])
    Response.objects.filter(pk=logged.stored.pk).update(usage=None, input_tokens=None, output_tokens=1234)
    facts = logged.client("server owner").get(page).text
    assert "<dd>–</dd>" in facts.partition("Tokens read")[2][:40]
    assert "<dd>1,234</dd>" in facts.partition("Tokens written")[2][:40]


def test_who_has_seen_all_of_it_once_is_not_said_to_have_seen_it_redacted(logged: Log) -> None:
    """By one reason, before and after the team's owners became stricter; or the other way round."""
    people, page = logged.world.people, reverse("admin:chat_response_text", args=[logged.stored.pk])
    logged.open("team admin")
    for modes, said in ((("redacted",), True), (("full", "redacted"), False), (("redacted", "full"), False)):
        logged.open("team admin", note=str(modes))
        for mode in modes:
            access.choose_for_team(actor=people["team owner"], team=logged.world.team, mode=mode)
            assert logged.client("team admin").get(page).status_code == 200
        (line, *_) = readings.of(logged.world.conversation)
        assert line.looks == len(modes)
        assert (line.mode == "redacted") is said
        assert readings.of_owner(people["author"])[0] == line


def test_no_address_leads_to_a_conversation_that_is_deleted(logged: Log) -> None:
    pk, client = logged.world.conversation.pk, logged.client("server owner")
    logged.open("server owner")
    client.get(reverse("admin:chat_response_text", args=[logged.stored.pk]))
    pages = READINGS, reverse("admin:chat_response_change", args=[logged.stored.pk])
    assert all(f"?conversation={pk}" in client.get(page).text for page in pages)
    conversations.delete(actor=logged.world.people["author"], conversation_id=pk)
    for page in pages:
        assert f"?conversation={pk}" not in client.get(page).text
        assert pk[5:13] in client.get(page).text
