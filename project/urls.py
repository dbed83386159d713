from typing import Any

from django.contrib import admin
from django.urls import include, path

from chat.web import accounts, preferences, server

urlpatterns: list[Any] = [
    path("accounts/signup/", accounts.SignupView.as_view(), name="account_signup"),
    path("accounts/", include("allauth.account.urls")),
    path("invitations/<str:token>/", server.invitation, name="invitation"),
    path("settings/", preferences.preferences, name="settings"),
    path("settings/server/", server.settings_page, name="server_settings"),
    path("settings/server/invitations/", server.invite, name="invite"),
    path("settings/server/invitations/<str:invitation_id>/revoke/", server.revoke, name="revoke_invitation"),
    path("admin/", admin.site.urls),
]
