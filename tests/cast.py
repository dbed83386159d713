"""One cast for all tests: who is who."""

import hashlib
from dataclasses import dataclass

from chat.files import storage
from chat.markdown import images
from chat.models import Conversation, File, FileUse, Item, Link, Project, Response, Team, User
from chat.runs import uploads
from chat.store import accounts, files, invitations, links, messages, projects, sharing, teams
from chat.store.attached import Held

PASSWORD = "correct horse battery"  # noqa: S105


def person(name: str) -> User:
    """Somebody who has signed up, by the same verb as everybody."""
    user = User.objects.create_user(username=name, email=f"{name}@example.org", password=PASSWORD, name=name.title())
    accounts.welcome(user)
    return user


def put_in(actor: User, data: bytes = b"A quark.", name: str = "quark.txt", **facts: object) -> FileUse:
    """A file in somebody's composer, as if it had been looked at; no process is begun for that."""
    known = {"kind": "text", "type": "text/plain", "size": len(data), "room": len(data), **facts}
    begun = files.begin(actor=actor, facts=files.Facts(digest=hashlib.sha256(data).hexdigest(), name=name, **known))  # type: ignore[arg-type]
    if begun.use is not None:
        return begun.use
    for place in uploads.places(begun.file):
        storage.put(place, data)
    return files.arrive(actor=actor, file_id=begun.file.pk, name=name)


@dataclass
class Cast:
    """The owner of the server, a team-mate, and a stranger: the stranger is always tried."""

    owner: User
    mate: User
    stranger: User


def assemble() -> Cast:
    return Cast(owner=person("olivia"), mate=person("mateo"), stranger=person("stella"))


ACTORS = (
    "author",
    "writer",
    "reader",
    "through the team",
    "mate without a share",
    "guest",
    "guest who reads",
    "team admin",
    "team owner",
    "other team",
    "suspended writer",
    "left the team",
    "server owner",
)
"""Everybody who might want something of a conversation in a team."""


OUTSIDE = "http://127.0.0.1/quarks.png"


def says(response: Response, text: str) -> Item:
    """What a model put out, as if it had."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    wire = {"type": "message", "role": "assistant", "status": "completed", "content": content}
    output = {"conversation": response.conversation, "response": response, "output_index": 0}
    return Item.objects.create(role="assistant", status="completed", wire=wire, **output)


@dataclass
class World:
    """A conversation of the author's in a team, shared with some, and everybody who might want something of it."""

    conversation: Conversation
    team: Team
    response: Response
    invitation: str
    link: Link
    project: Project
    file: File
    output: Item
    people: dict[str, User]

    def ids(self) -> dict[str, str]:
        return {
            "conversation_id": self.conversation.pk,
            "response_id": self.response.pk,
            "item_id": str(self.response.input_id),
            "team_id": self.team.pk,
            "invitation_id": self.invitation,
            "link_id": self.link.pk,
            "project_id": self.project.pk,
            "file_id": self.file.pk,
            "width": "320",
            "output_id": self.output.pk,
            "digest": images.digest(OUTSIDE),
            "user_id": str(self.people["mate without a share"].pk),
        }


def gather(*, team_reads: bool = False) -> World:
    """Everybody, each by the verbs by which people become what they are. `team_reads`: it is shared with the whole team too."""
    people = {"server owner": person("olivia")}  # the first who signs up
    people |= {name: person(f"p{number}") for number, name in enumerate(ACTORS) if name != "server owner"}
    owner = people["team owner"]
    team = teams.create(actor=owner, name="Physics")
    roles = {"guest": "guest", "guest who reads": "guest", "team admin": "admin"}
    for name, user in people.items():
        if name not in ("server owner", "team owner", "other team"):
            made, _ = invitations.make(actor=owner, team=team, days=7, uses=1, role=roles.get(name, "member"))
            teams.join(user=user, invitation=made)
    teams.create(actor=people["other team"], name="Chemistry")
    author = people["author"]
    use = put_in(author, name="quark.png", kind="image", type="image/png", width=8, height=8, thumbnails=(320,))
    begun = messages.send(actor=author, conversation_id=None, text="What is a quark?", held=[Held(use.pk)])
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    pk = begun.conversation.pk
    sharing.move(actor=author, conversation_id=pk, team_id=team.pk)
    given = {
        "writer": "write",
        "reader": "read",
        "guest who reads": "read",
        "suspended writer": "write",
        "left the team": "write",
    }
    for name, access in given.items():
        sharing.with_person(actor=author, conversation_id=pk, user_id=people[name].pk, access=access)
    if team_reads:
        sharing.with_team(actor=author, conversation_id=pk, access="read")
    teams.leave(actor=people["left the team"], team_id=team.pk)
    User.objects.filter(pk=people["suspended writer"].pk).update(suspended=True)
    offered, _ = invitations.make(actor=owner, team=team, days=7, uses=1)
    fresh = {name: User.objects.get(pk=user.pk) for name, user in people.items()}
    found, response = Conversation.objects.get(pk=pk), Response.objects.get(pk=begun.response.pk)
    link = links.make(actor=author, conversation_id=pk, live=True, audience="team", days=7)
    project = projects.create(actor=author, name="Quarks", team_id=team.pk)
    output = says(response, f"Look: ![quarks]({OUTSIDE})")
    return World(found, team, response, offered.pk, link, project, use.file, output, fresh)
