from django.apps import AppConfig
from django.contrib.admin import apps as admin


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Parley"

    def ready(self) -> None:
        from chat.web import accounts  # noqa: F401  (connects what happens at sign-in and sign-out)


class PanelConfig(admin.SimpleAdminConfig):
    """The admin with our own doors, installed in the place of `django.contrib.admin`. Only what is imported here is registered:
    what other apps would bring along (sessions, second steps, jobs) stays out.
    """

    default = False
    default_site = "chat.admin.site.Panel"

    def ready(self) -> None:
        super().ready()
        # not before the panel itself is there
        from chat.admin import (  # noqa: F401
            conversations,
            exports,
            invitations,
            kept,
            model_server,
            openings,
            overview,
            people,
            prices,
            readings,
            record,
            responses,
            teams,
            upkeep,
        )
