"""Projects: folders of conversations, with instructions that go with everything asked in them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat import errors
from chat.models import Conversation, Project, Response, Team, User
from chat.store import accounts, messages, projects, sharing, teams
from tests.cast import Cast
from tests.conftest import signed_in
from tests.teams.conftest import add


@pytest.fixture
def project(people: Cast, team: Team) -> Project:
    return projects.create(actor=people.owner, name="Quarks", instructions="Answer like a physicist.", team_id=team.pk)


def begin(client: Client, project: Project, text: str = "What is a quark?") -> Conversation:
    answer = client.post(project.url, {"text": text})
    assert answer.status_code == 303, answer.text
    return Conversation.objects.get(pk=answer["Location"].split("/")[2])


def test_one_is_made_on_its_page_and_stands_in_the_sidebar(people: Cast) -> None:
    client = signed_in(people.stranger)
    assert "Projects</a></h2>" not in client.get("/").text
    made = client.post("/projects/", {"name": "  My   novel ", "instructions": "Be brief."}, follow=True)
    assert "My novel" in made.text
    assert Project.objects.get().team.personal_of == people.stranger
    assert Project.objects.get().url in client.get("/").text


def test_what_is_begun_there_is_in_it_and_goes_with_its_instructions(people: Cast, project: Project) -> None:
    accounts.change_preferences(actor=people.mate, instructions="Be brief.")
    mate = signed_in(people.mate)
    begun = begin(mate, project)
    assert (begun.project, begun.team, begun.team_access, begun.owner) == (project, project.team, "", people.mate)
    assert Response.objects.get().instructions == "Answer like a physicist.\n\nBe brief."
    assert begun.url in mate.get(project.url).text
    assert begun.url not in signed_in(people.owner).get(project.url).text
    assert project.name in mate.get(begun.url).text


def test_what_the_team_shares_there_its_members_find_there(people: Cast, project: Project) -> None:
    begun = begin(signed_in(people.mate), project)
    sharing.with_team(actor=people.mate, conversation_id=begun.pk, access="read")
    assert begun.url in signed_in(people.owner).get(project.url).text


def test_an_empty_message_begins_nothing_and_is_kept_in_its_box(people: Cast, project: Project) -> None:
    answer = signed_in(people.mate).post(project.url, {"text": " "})
    assert answer.status_code == 400
    assert "There is nothing to send yet." in answer.text
    assert "Quarks" in answer.text
    assert not Conversation.objects.exists()


def test_one_conversation_is_put_in_and_taken_out(people: Cast, project: Project) -> None:
    begun = messages.send(actor=people.owner, conversation_id=None, text="Hello").conversation
    client = signed_in(people.owner)
    assert "Quarks" in client.get(f"{begun.url}project/").text
    for chosen, expected in ((project.pk, project), ("", None)):
        client.post(f"{begun.url}project/", {"project": chosen})
        assert Conversation.objects.get().project == expected
    assert Conversation.objects.get().team == project.team


def test_put_into_another_teams_it_is_shared_with_nobody(people: Cast, project: Project) -> None:
    other = teams.create(actor=people.owner, name="Chemistry")
    begun = begin(signed_in(people.owner), project)
    sharing.with_team(actor=people.owner, conversation_id=begun.pk, access="write")
    there = projects.create(actor=people.owner, name="Acids", team_id=other.pk)
    assert "Whoever it is shared with now loses it." in signed_in(people.owner).get(f"{begun.url}project/").text
    projects.put(actor=people.owner, conversation_id=begun.pk, project_id=there.pk)
    moved = Conversation.objects.get()
    assert (moved.team, moved.project, moved.team_access, moved.shared) == (other, there, "", False)


def test_moved_to_another_team_it_leaves_the_project(people: Cast, project: Project) -> None:
    begun = begin(signed_in(people.owner), project)
    sharing.move(actor=people.owner, conversation_id=begun.pk, team_id="")
    assert Conversation.objects.get().project is None


def test_removed_its_conversations_stay(people: Cast, project: Project) -> None:
    begun = begin(signed_in(people.owner), project)
    text = signed_in(people.owner).post(f"{project.url}remove/", follow=True).text
    assert "“Quarks” is removed." in text
    assert Conversation.objects.get(pk=begun.pk).project is None


@pytest.mark.parametrize("who", ["guest", "stranger"])
def test_to_guests_and_strangers_it_does_not_exist(people: Cast, project: Project, who: str) -> None:
    if who == "guest":
        add(project.team, people.stranger, "guest")
    client = signed_in(people.stranger)
    mine = messages.send(actor=people.stranger, conversation_id=None, text="Mine").conversation
    sent = {"text": "x", "name": "x"}
    missing = "/projects/proj_" + "0" * 32 + "/"
    for what in ("", "change/", "remove/"):
        assert client.post(project.url + what, sent).status_code == client.post(missing + what, sent).status_code == 404
    assert client.post(f"{mine.url}project/", {"project": project.pk}).status_code == 404
    assert client.get(project.url).status_code == 404
    assert project.name not in client.get("/projects/").text
    assert Conversation.objects.get(pk=mine.pk).project is None
    assert Conversation.objects.count() == 1


def test_members_read_it_and_whoever_made_it_or_runs_the_team_changes_it(people: Cast, project: Project) -> None:
    add(project.team, User.objects.get(pk=people.stranger.pk))
    mates = projects.create(actor=people.mate, name="Leptons", team_id=project.team_id)
    client = signed_in(people.mate)
    assert "Answer like a physicist." in client.get(project.url).text
    assert client.post(f"{project.url}change/", {"name": "Mine"}).status_code == 403
    for actor in (people.mate, people.owner):
        projects.change(actor=actor, project_id=mates.pk, name="Electrons", instructions="")
    with pytest.raises(errors.Refused):
        projects.remove(actor=people.stranger, project_id=mates.pk)
    teams.leave(actor=people.mate, team_id=project.team_id)
    with pytest.raises(errors.NotFound):
        projects.change(actor=people.mate, project_id=mates.pk, name="Still mine", instructions="")


@pytest.mark.parametrize(("name", "instructions"), [(" ", ""), ("x" * 101, ""), ("Fine", "x" * 8001)])
def test_what_cannot_be_kept_is_said_and_what_was_typed_stays(
    people: Cast, project: Project, name: str, instructions: str
) -> None:
    client = signed_in(people.owner)
    for path in ("/projects/", f"{project.url}change/"):
        answer = client.post(path, {"name": name, "instructions": instructions})
        assert answer.status_code == 422
        assert "Please check" in answer.text
    assert list(Project.objects.values_list("name", "instructions")) == [("Quarks", "Answer like a physicist.")]


def test_a_conversation_in_no_project_asks_for_none(people: Cast) -> None:
    begun = messages.send(actor=people.owner, conversation_id=None, text="Hello").conversation
    with CaptureQueriesContext(
        connection,
    ) as queries:
        messages.send(actor=people.owner, conversation_id=begun.pk, text="And again")
    assert not [query for query in queries if "chat_project" in query["sql"]]


def test_the_same_message_again_is_the_same_though_its_project_has_gone(people: Cast, project: Project) -> None:
    sent = {"actor": people.owner, "conversation_id": None, "text": "Hello", "client_id": "once", "project_id": project.pk}
    first = messages.send(**sent)
    projects.remove(actor=people.owner, project_id=project.pk)
    again = messages.send(**sent)
    assert (again.response.pk, again.new) == (first.response.pk, False)


def test_who_became_a_guest_does_not_get_its_instructions_any_more(people: Cast, project: Project) -> None:
    mine = messages.send(actor=people.mate, conversation_id=None, text="Hello", project_id=project.pk)
    assert mine.response.instructions == "Answer like a physicist."
    teams.change_role(actor=people.owner, team_id=project.team_id, user_id=people.mate.pk, role="guest")
    projects.change(actor=people.owner, project_id=project.pk, name=project.name, instructions="A new secret.")
    assert messages.send(actor=people.mate, conversation_id=mine.conversation.pk, text="And?").response.instructions == ""
