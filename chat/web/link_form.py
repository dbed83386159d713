"""The form that makes a link: what it shows, to whom, for how long."""

from typing import Any, Final

from django import forms

from chat.models import Audience, Conversation
from chat.store import links

DAYS: Final = {1: "1 day", 7: "7 days", 30: "30 days", 365: "A year"}
UNTIL_WITHDRAWN: Final = "ever"
SNAPSHOT, LIVE = "snapshot", "live"


class LinkForm(forms.Form):
    kind = forms.ChoiceField(
        label="What it shows",
        choices=[(SNAPSHOT, "A snapshot: the conversation as it is now"), (LIVE, "Live: what you see of it, also from now on")],
        initial=SNAPSHOT,
        widget=forms.RadioSelect,
    )
    audience = forms.ChoiceField(label="Who may open it", widget=forms.RadioSelect)
    days = forms.ChoiceField(label="Good for", initial=30, choices=[*DAYS.items(), (UNTIL_WITHDRAWN, "Until I withdraw it")])
    password = forms.CharField(
        label="Password (optional)",
        required=False,
        strip=False,
        min_length=links.PASSWORD_LENGTH[0],
        max_length=links.PASSWORD_LENGTH[1],
        help_text="Asked for by the page, beside the link. At least 8 characters.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    names = forms.BooleanField(label="Show who wrote what", required=False)

    def __init__(self, *args: Any, conversation: Conversation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alone = conversation.team.personal_of_id is not None
        team = [] if alone else [(Audience.TEAM.value, f"Members of {conversation.team.name}, signed in")]
        public = [(Audience.ANYONE.value, Audience.ANYONE.label)] if links.may_be_public() else []
        audience: Any = self.fields["audience"]
        audience.choices = [*team, *public]
        audience.initial = (team or public or [("", "")])[0][0]

    @property
    def wanted(self) -> dict[str, Any]:
        found = self.cleaned_data
        days = None if found["days"] == UNTIL_WITHDRAWN else int(found["days"])
        return {**{name: found[name] for name in ("audience", "password", "names")}, "live": found["kind"] == LIVE, "days": days}
