from django.apps import AppConfig
from django.contrib.admin import apps as admin


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Parley"

    def ready(self) -> None:
        from chat.web import accounts  # noqa: F401  (connects what happens at sign-in and sign-out)


class PanelConfig(admin.AdminConfig):
    """Django's admin with our own doors, installed in the place of `django.contrib.admin`."""

    default = False
    default_site = "chat.admin.site.Panel"

    def ready(self) -> None:
        super().ready()
        from chat.admin import people  # noqa: F401  (registers; not before the panel itself is there)
