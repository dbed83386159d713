#!/usr/bin/env python
"""Parley's commands: `manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting is wrong: the sentence says which, a traceback would bury it
        sys.exit(f"Parley cannot start. {error}")


if __name__ == "__main__":
    main()
