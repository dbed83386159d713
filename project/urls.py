from typing import Any

from django.contrib import admin
from django.urls import include, path

urlpatterns: list[Any] = [
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
