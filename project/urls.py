from typing import Any

from django.contrib import admin
from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from chat.web import accounts, conversations, errors, health, messages, preferences, search, second_step, security, server
from chat.web.fields import IdConverter

register_converter(IdConverter, "id")
handler400, handler403, handler404, handler500 = errors.bad_request, errors.refused, errors.not_found, errors.server_error

one = "c/<id:conversation_id>/"
urlpatterns: list[Any] = [
    path("", conversations.home, name="home"),
    path(one, conversations.page, name="conversation"),
    path(f"{one}items/", conversations.items, name="items"),
    path(f"{one}rename/", conversations.rename, name="rename"),
    path(f"{one}pin/", conversations.toggle, {"field": "pinned"}, name="pin"),
    path(f"{one}archive/", conversations.toggle, {"field": "archived"}, name="archive"),
    path(f"{one}delete/", conversations.delete, name="delete"),
    path(f"{one}restore/", conversations.restore, name="restore"),
    path(f"{one}messages/", messages.create, name="messages"),
    path(f"{one}items/<id:item_id>/edit/", messages.edit, name="edit"),
    path(f"{one}responses/<id:response_id>/regenerate/", messages.regenerate, name="regenerate"),
    path(f"{one}responses/<id:response_id>/continue/", messages.carry_on, name="continue"),
    path(f"{one}responses/<id:response_id>/stop/", messages.stop, name="stop"),
    path(f"{one}version/", messages.version, name="version"),
    path("conversations/", conversations.listing, name="conversations"),
    path("archived/", conversations.archived, name="archived"),
    path("search/", search.page, name="search"),
    path("provider/", health.provider, name="provider"),
    path("accounts/signup/", accounts.SignupView.as_view(), name="account_signup"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="security"), name="mfa_index"),
    path("accounts/2fa/webauthn/", RedirectView.as_view(pattern_name="security"), name="mfa_list_webauthn"),
    path("accounts/2fa/totp/qr.svg", second_step.qr, name="totp_qr"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("invitations/<str:token>/", server.invitation, name="invitation"),
    path("settings/", preferences.preferences, name="settings"),
    path("settings/security/", security.page, name="security"),
    path("settings/security/<int:sign_in>/end/", security.end, name="end_sign_in"),
    path("settings/security/end-others/", security.end_others, name="end_other_sign_ins"),
    path("settings/server/", server.settings_page, name="server_settings"),
    path("settings/server/invitations/", server.invite, name="invite"),
    path("settings/server/invitations/<id:invitation_id>/revoke/", server.revoke, name="revoke_invitation"),
    path("admin/", admin.site.urls),
]

handler429 = "chat.web.accounts.too_many"
