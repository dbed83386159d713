from typing import Any

from django.contrib import admin
from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from chat.web import (
    accounts,
    conversations,
    errors,
    health,
    invitations,
    messages,
    own_data,
    preferences,
    search,
    second_step,
    security,
    server,
    sharing,
    teams,
)
from chat.web.fields import IdConverter, NumberConverter

register_converter(IdConverter, "id")
register_converter(NumberConverter, "number")
handler400, handler403, handler404, handler500 = errors.bad_request, errors.refused, errors.not_found, errors.server_error

one, team = "c/<id:conversation_id>/", "teams/<id:team_id>/"
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
    path(f"{one}typing/", messages.typing, name="typing"),
    path(f"{one}items/<id:item_id>/edit/", messages.edit, name="edit"),
    path(f"{one}responses/<id:response_id>/regenerate/", messages.regenerate, name="regenerate"),
    path(f"{one}responses/<id:response_id>/continue/", messages.carry_on, name="continue"),
    path(f"{one}responses/<id:response_id>/stop/", messages.stop, name="stop"),
    path(f"{one}version/", messages.version, name="version"),
    path(f"{one}share/", sharing.page, name="share"),
    path(f"{one}share/team/", sharing.with_team, name="share_team"),
    path(f"{one}share/move/", sharing.move, name="move"),
    path(f"{one}share/people/<number:user_id>/", sharing.with_person, name="share_person"),
    path(f"{one}share/people/<number:user_id>/hand-over/", sharing.hand_over, name="hand_over"),
    path(f"{one}leave/", sharing.leave, name="leave"),
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
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("invitations/<str:token>/accept/", invitations.accept, name="accept_invitation"),
    path("teams/new/", teams.create, name="new_team"),
    path(team, teams.page, name="team"),
    path(f"{team}rename/", teams.rename, name="team_rename"),
    path(f"{team}leave/", teams.leave, name="team_leave"),
    path(f"{team}end/", teams.end, name="team_end"),
    path(f"{team}domain/", teams.domain, name="team_domain"),
    path(f"{team}members/<number:user_id>/role/", teams.change_role, name="team_role"),
    path(f"{team}members/<number:user_id>/remove/", teams.remove, name="team_remove"),
    path(f"{team}members/<number:user_id>/hand-over/", teams.hand_over, name="team_hand_over"),
    path(f"{team}invitations/", teams.invite, name="team_invite"),
    path(f"{team}invitations/<id:invitation_id>/resend/", teams.resend, name="team_resend"),
    path(f"{team}invitations/<id:invitation_id>/revoke/", teams.revoke, name="team_revoke"),
    path("settings/", preferences.preferences, name="settings"),
    path("settings/security/", security.page, name="security"),
    path("settings/security/<number:sign_in>/end/", security.end, name="end_sign_in"),
    path("settings/security/end-others/", security.end_others, name="end_other_sign_ins"),
    path("settings/data/", own_data.page, name="data"),
    path("settings/data/exports/", own_data.export, name="export"),
    path("settings/data/exports/<id:export_id>/", own_data.download, name="download_export"),
    path("settings/data/exports/<id:export_id>/delete/", own_data.remove, name="delete_export"),
    path("settings/data/delete/", own_data.delete, name="delete_account"),
    path("settings/server/", server.settings_page, name="server_settings"),
    path("settings/server/hand-over/", server.hand_over, name="hand_over_server"),
    path("settings/server/invitations/", server.invite, name="invite"),
    path("settings/server/invitations/<id:invitation_id>/revoke/", server.revoke, name="revoke_invitation"),
    path("admin/", admin.site.urls),
]

handler429 = "chat.web.accounts.too_many"
