"""Certificates of what was deleted, to be read and to be taken along."""

import json
from datetime import datetime
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.live import keeping
from chat.store import certificates
from chat.web.decorators import PersonRequest, person_required

MOST: Final = 20
SHOWN: Final = 200  # objects that the page lists; the file has them all
WORDS: Final = {
    "AccessDetail": "words of readings, and where from",
    "AdminActDetail": "words of acts on the record, and where from",
    "Branch": "choices between versions",
    "Certificate": "certificates of conversations",
    "Conversation": "conversations",
    "Departure": "requests to delete an account",
    "Export": "exports",
    "ExportChunk": "pieces of exports",
    "File": "images and files, with their bytes",
    "FileText": "texts of documents",
    "FileUse": "files of messages",
    "Invitation": "invitations",
    "Item": "messages, and other items of replies",
    "Link": "links",
    "LogRow": "rows of the log",
    "Membership": "places in teams",
    "Mention": "mentions",
    "Opening": "reasons to read in the log",
    "Participant": "people in it",
    "Presence": "times of being there",
    "Project": "projects",
    "Push": "notifications on their way",
    "PushSubscription": "browsers that were notified",
    "Removal": "deleted messages that could still be had back",
    "Response": "replies",
    "SearchEntry": "entries of the search",
    "Team": "teams that were theirs alone",
    "Turn": "calls of a model",
    "User": "accounts",
    "account.EmailAddress": "e-mail addresses",
    "account.EmailConfirmation": "confirmations of e-mail addresses",
    "admin.LogEntry": "entries of the panel",
    "mfa.Authenticator": "second steps",
    "usersessions.UserSession": "sign-ins",
}


@require_safe
@person_required
def page(request: PersonRequest, certificate_id: str) -> HttpResponse:
    found = certificates.find(actor=request.user, certificate_id=certificate_id)
    body = json.loads(found.text)
    elsewhere = [
        {**each, "place": keeping.place(each["server"]), "when": datetime.fromisoformat(each["ended"])}
        for each in body["elsewhere"][:SHOWN]
    ]
    context = {
        "certificate": found,
        "rows": [(count, WORDS.get(name, name)) for name, count in body["rows_here"].items()],
        "elsewhere": elsewhere,
        "objects": body["objects_elsewhere"],
        "more": body["objects_elsewhere"] - len(elsewhere),
        "whole": certificates.verify(found.text),
    }
    return render(request, "storing/certificate.html", context)


@require_safe
@person_required
def download(request: PersonRequest, certificate_id: str) -> HttpResponse:
    """The file that can be verified, as it was written."""
    found = certificates.find(actor=request.user, certificate_id=certificate_id)
    headers = {"Content-Disposition": f'attachment; filename="{found.pk}.json"', "Cache-Control": "private, no-store"}
    return HttpResponse(found.text, content_type="application/json", headers=headers)
