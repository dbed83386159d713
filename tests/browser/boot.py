"""Django for the scripts that write straight into a house's database (`House.run`)."""

import os

import django


def start() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
