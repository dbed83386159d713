"""Static bundles: the plain concatenation of the files that static/bundle.txt lists, found by Django like any other
static file.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseStorageFinder
from django.core.files.storage import FileSystemStorage

SOURCE = settings.BASE_DIR / "static"


def bundles() -> dict[str, list[str]]:
    """Name of each bundle → the files it is made of, in order."""
    lines = (SOURCE / "bundle.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(":", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): files.split() for name, files in pairs}


class BundleFinder(BaseStorageFinder):
    """Makes the bundles under PARLEY_VAR when they are asked for, and finds them there."""

    storage = FileSystemStorage(location=settings.PARLEY_VAR / "bundles")

    def make(self) -> None:
        target = Path(self.storage.location)
        target.mkdir(parents=True, exist_ok=True)
        for name, files in bundles().items():
            text = "\n".join((SOURCE / file).read_text(encoding="utf-8") for file in files)
            if not (target / name).is_file() or (target / name).read_text(encoding="utf-8") != text:
                fresh = target / f"{name}.{os.getpid()}.{threading.get_ident()}"
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(target / name)  # at once: a development server reads while another thread writes

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        self.make()
        yield from ((name, self.storage) for name in bundles())

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        if path in bundles():
            self.make()
            return super().find(path, *args, **kwargs)
        return []
