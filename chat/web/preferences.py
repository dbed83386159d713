"""/settings/: what people choose for themselves."""

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from chat import providers
from chat.models import Storing, User
from chat.store import accounts, mentions, server, teams
from chat.web.decorators import person_required


@async_to_sync
async def offered_models() -> list[str]:
    """The models that can be chosen now. A model server that is slow or away is no reason for this page to wait or fail."""
    try:
        async with asyncio.timeout(settings.MODELS_WAIT):
            return await providers.models()
    except TimeoutError:
        return []


class LongText(forms.CharField):
    """Browsers count a line's end as one character and send two: count what they count."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")


class PreferencesForm(forms.Form):
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=accounts.NAME_LENGTH,
        help_text="What others see. Without one, your username.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    default_model = forms.ChoiceField(label="Model", required=False, help_text="New conversations begin with it.")
    instructions = LongText(
        label="Instructions",
        required=False,
        max_length=accounts.INSTRUCTIONS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    storing = forms.ChoiceField(
        label="Store replies",
        required=False,
        choices=Storing.choices,
        widget=forms.RadioSelect,
        help_text="In new conversations. Stored, a reply is in this server’s log too; not stored, in your own history alone.",
    )
    theme = forms.ChoiceField(label="Theme", choices=User.Theme.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, person: User, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = person.default_model
        gone = [(chosen, f"{chosen} (not offered now)")] if chosen and chosen not in models else []
        choice: Any = self.fields["default_model"]
        choice.choices = [("", "The server's default"), *gone, *((model, model) for model in models)]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError("A name is one line of visible characters.")
        return name


@person_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    person = request.user
    assert isinstance(person, User)
    initial = {field: getattr(person, field) for field in PreferencesForm.base_fields}
    form = PreferencesForm(
        request.POST if request.method == "POST" else None, initial=initial, person=person, models=offered_models()
    )
    if form.is_valid():
        accounts.change_preferences(actor=person, **form.cleaned_data)
        messages.success(request, "Your settings are saved.")
        return HttpResponseRedirect(request.path)
    used = len(str(form["instructions"].value() or "").replace("\r\n", "\n"))
    context = {"form": form, "used": used, "most": f"{accounts.INSTRUCTIONS_LENGTH:,}"}
    context |= {"memberships": teams.of(person), "may_create_teams": teams.may_create(person)}
    context["above"] = server.current()
    context["mentioned"] = len(mentions.unseen(person))
    return render(request, "settings/preferences.html", context, status=422 if form.is_bound else 200)
