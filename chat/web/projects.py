"""Projects: the list, the page of one, where conversations begin in it, and putting one into it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from chat import errors
from chat.models import Conversation, Project
from chat.policy import can
from chat.store import conversations, links, projects, storing
from chat.web.conversations import begin, held_context, home_context
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value
from chat.web.preferences import LongText

SHOWN = 50


class ProjectForm(forms.Form):
    name = forms.CharField(label="Name", max_length=projects.NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    instructions = LongText(
        label="Instructions",
        required=False,
        max_length=projects.INSTRUCTIONS_LENGTH,
        help_text="They go with everything that is asked in this project, before each person’s own.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class NewProjectForm(ProjectForm):
    team = forms.ChoiceField(label="For", required=False)

    def __init__(self, *args: Any, request: PersonRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["team"]
        places = projects.places(request.user)
        choice.choices = [(team.pk, team.name if team.personal_of_id is None else "Myself alone") for team in places]
        if len(places) < 2:
            del self.fields["team"]


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def listing(request: PersonRequest) -> HttpResponse:
    """All that one may put conversations into; a new one by POST."""
    form = NewProjectForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_valid():
        try:
            sent = dict(form.cleaned_data)
            made = projects.create(actor=request.user, team_id=sent.pop("team", ""), **sent)
        except (errors.InvalidInput, errors.Refused) as error:
            form.add_error(error.param if error.param in form.fields else None, f"{error.message} {error.next}")
        else:
            return redirect(made.url)
    return render(
        request,
        "projects/list.html",
        {"form": form, "projects": projects.of(request.user), "person": request.user},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def page(request: PersonRequest, project_id: str) -> HttpResponse:
    """What is in it, and the composer: what it posts begins a conversation here."""
    project = projects.find(actor=request.user, project_id=project_id)
    if request.method == "POST":
        return begin(request, "projects/project.html", lambda: context(request, project), project_id=project.pk)
    return render(request, "projects/project.html", context(request, project))


def context(request: PersonRequest, project: Project, **more: Any) -> dict[str, Any]:
    found = projects.conversations_in(project, actor=request.user)
    return {
        **home_context(request),
        "draft_key": project.pk,
        **held_context(request, project.pk),
        "post_url": project.url,
        "project": project,
        "storing": storing.rule(person_id=request.user.pk, team_id=project.team_id),
        "manages": can(request.user, "project.manage", project),
        "conversations": Paginator(found, SHOWN).get_page(value(request.GET, "page")),
        "form": ProjectForm(initial={"name": project.name, "instructions": project.instructions}),
        **more,
    }


@require_POST
@person_required
def change(request: PersonRequest, project_id: str) -> HttpResponse:
    project = projects.find(actor=request.user, project_id=project_id, action="project.manage")
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            projects.change(actor=request.user, project_id=project_id, **form.cleaned_data)
        except errors.InvalidInput as error:
            form.add_error(error.param if error.param in form.fields else None, f"{error.message} {error.next}")
        else:
            messages.success(request, "Saved.")
            return redirect(project.url)
    return render(request, "projects/project.html", context(request, project, form=form), status=422)


@require_POST
@person_required
def remove(request: PersonRequest, project_id: str) -> HttpResponse:
    gone = projects.remove(actor=request.user, project_id=project_id)
    messages.success(request, f"“{gone.name}” is removed. Its conversations are where they were.")
    return redirect("projects")


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def put(request: PersonRequest, conversation_id: str) -> HttpResponse:
    """Choose the project of a conversation, or none."""
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    if request.method == "POST":
        project_id = value(request.POST, "project")
        projects.put(actor=request.user, conversation_id=conversation_id, project_id=project_id)
        messages.success(request, "It is in the project." if project_id else "It is in no project.")
        return redirect(conversation.url)
    return render(request, "projects/put.html", {"conversation": conversation, "choices": choices(request, conversation)})


def choices(request: PersonRequest, conversation: Conversation) -> list[tuple[Project, bool]]:
    """Each project, and whether putting the conversation there takes it away from those it is shared with."""
    shared = conversation.shared or links.of(conversation).exists()
    return [(one, shared and one.team_id != conversation.team_id) for one in projects.of(request.user)]
