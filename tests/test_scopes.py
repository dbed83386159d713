"""What a room above the store looks up, it looks up through the actor: no queryset of objects is used without one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHAT = Path(__file__).resolve().parent.parent / "chat"
ABOVE = [path for room in ("web", "live", "api", "admin") for path in sorted((CHAT / room).rglob("*.py"))]
OBJECTS = {"Conversation", "File", "Link", "Project", "Team", "Invitation", "Server"}
OF_CONVERSATIONS = {"Item", "Response", "LogRow", "Branch", "Participant", "SearchEntry", "Turn", "Presence"}
THROUGH_THE_ACTOR = {"readable_by", "writable_by", "owned_by", "manageable_by", "standing"}


def lookups(tree: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    """Each `Model.objects.method(…)`: the model, the method, the names of its arguments."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=model), attr="objects"), attr=method), keywords=given
            ):
                yield model, method, {str(each.arg) for each in given}


@pytest.mark.parametrize("path", ABOVE, ids=lambda path: str(path.relative_to(CHAT)))
def test_objects_are_found_through_the_actor_and_parts_through_their_conversation(path: Path) -> None:
    for model, method, given in lookups(ast.parse(path.read_text())):
        if model in OBJECTS:
            assert method in THROUGH_THE_ACTOR, f"{model}.objects.{method}"
        if model in OF_CONVERSATIONS:
            assert "conversation" in given, f"{model}.objects.{method} without its conversation"
        if model == "Membership":
            assert given & {"team", "team__in"}, f"{model}.objects.{method} without its team"


def test_the_search_for_such_lookups_finds_them() -> None:
    bad = "Conversation.objects.filter(pk=1).first(); Item.objects.get(pk=2)"
    assert {(model, method) for model, method, _ in lookups(ast.parse(bad))} == {("Conversation", "filter"), ("Item", "get")}
