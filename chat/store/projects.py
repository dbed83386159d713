"""Verbs on projects: folders of a team's conversations, with instructions that go with each of them."""

from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from chat import errors
from chat.models import Conversation, Project, Team, User
from chat.policy import Action, can, within_reach
from chat.store import sharing, teams

NAME_LENGTH: Final = 100
INSTRUCTIONS_LENGTH: Final = 8000
MOST: Final = 200  # projects of one team
REFUSED: Final = ("This is for whoever made the project, and for the team’s admins.", "Ask one of them.")


def of(actor: User) -> QuerySet[Project]:
    """All that this person may put conversations into, by name."""
    return Project.objects.readable_by(actor).select_related("team").order_by("name", "pk")


def find(*, actor: User, project_id: str, action: Action = "project.read") -> Project:
    """The project, if this person may do that with it; NotFound otherwise, Refused where they may only read it."""
    there = Project.objects.readable_by(actor).select_related("team").filter(pk=project_id)
    found = there.first()
    allowed = found is not None and can(actor, action, found)
    if found is None or not (allowed or there.exists()):  # it may have gone meanwhile
        raise errors.NotFound("This project does not exist, or it is not yours.")
    if not allowed:
        raise errors.Refused(REFUSED[0], next=REFUSED[1])
    return found


def enter(*, actor: User, project_id: str) -> Project:
    """The project, for a conversation that begins in it: it and its team stay until the end of the transaction."""
    team_id = find(actor=actor, project_id=project_id).team_id
    list(Team.objects.select_for_update(no_key=True).filter(pk=team_id))
    list(Project.objects.select_for_update(no_key=True).filter(pk=project_id))
    return find(actor=actor, project_id=project_id)


def conversations_in(project: Project, *, actor: User) -> QuerySet[Conversation]:
    """What this person may read there, the last active first."""
    found = within_reach(actor, "conversation.read").present().filter(project=project)
    return found.select_related("owner").order_by("-active", "-pk")


def places(actor: User) -> list[Team]:
    """The teams in which this person may make one, their own first."""
    mine = Team.objects.filter(memberships__user=actor, memberships__role__in=("owner", "admin", "member"))
    return sorted(mine, key=lambda team: (team.personal_of_id is None, team.name))


@transaction.atomic
def create(*, actor: User, name: str, instructions: str = "", team_id: str = "") -> Project:
    """In a team that one is in, but as a guest; without one, for oneself."""
    team = next((each for each in places(actor) if each.pk == team_id or (not team_id and each.personal_of_id == actor.pk)), None)
    if team is None:
        raise errors.NotFound("You are not in this team, or a guest there.", next="Choose another.")
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    if team.projects.count() >= MOST:
        raise errors.Refused(f"There are {MOST} projects already.", next="Remove one that is not needed.")
    return Project.objects.create(team=team, made_by=actor, name=teams.checked(name), instructions=_checked(instructions))


@transaction.atomic
def change(*, actor: User, project_id: str, name: str, instructions: str) -> Project:
    """Its name and instructions: what is asked from now on goes with these."""
    project = find(actor=actor, project_id=project_id, action="project.manage")
    project.name, project.instructions = teams.checked(name), _checked(instructions)
    if not Project.objects.filter(pk=project.pk).update(name=project.name, instructions=project.instructions):
        raise errors.NotFound("This project has just been removed.")
    return project


@transaction.atomic
def remove(*, actor: User, project_id: str) -> Project:
    """The folder goes, what is in it stays where it is otherwise."""
    project = find(actor=actor, project_id=project_id, action="project.manage")
    list(Team.objects.select_for_update(no_key=True).filter(pk=project.team_id))
    Project.objects.filter(pk=project.pk).delete()
    return project


@transaction.atomic
def put(*, actor: User, conversation_id: str, project_id: str) -> Conversation:
    """Into a project, or, with "", into none. In another team's it is shared with nobody yet."""
    target = find(actor=actor, project_id=project_id) if project_id else None
    conversation = sharing.mine(actor, conversation_id, *([target.team_id] if target else []))
    target = enter(actor=actor, project_id=project_id) if target else None  # it may have gone while we waited
    if target is not None and target.team_id != conversation.team_id:
        sharing.withdraw(conversation, team=target.team)
    Conversation.objects.filter(pk=conversation.pk).update(project=target)
    conversation.project = target
    return conversation


def instructions_for(conversation: Conversation, actor: User) -> str:
    """What goes with whatever this person asks there: the project's, which guests do not know, then their own."""
    project = Project.objects.readable_by(actor).filter(pk=conversation.project_id).first() if conversation.project_id else None
    shared = project.instructions if project else ""
    return "\n\n".join(part for part in (shared, actor.instructions) if part.strip())


def _checked(instructions: str) -> str:
    instructions = instructions.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(instructions) > INSTRUCTIONS_LENGTH:
        raise errors.InvalidInput(f"Instructions have at most {INSTRUCTIONS_LENGTH:,} characters.", param="instructions")
    return instructions
