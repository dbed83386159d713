"""Twenty files of 20 MB at once: what the server's memory grows by, and what the children take that read them."""

import json
import os
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.launch import Process
from benchmarks.options import Options
from benchmarks.report import Figure, Section

SIZE = 20_000_000  # bytes of a file, about


def run(options: Options) -> list[Section]:
    count = 4 if options.short else 20
    with tempfile.TemporaryDirectory(prefix="parley-uploads-") as folder:
        made = [photo(Path(folder)), document(Path(folder)), text(Path(folder))]
        options.progress(f"uploads: {', '.join(f'{path.name} of {path.stat().st_size / 1e6:.1f} MB' for path in made)}")
        paths = [str(made[0 if number % 2 else 1 + number // 2 % 2]) for number in range(count)]
        told = taken(folder, paths)
    figures = [
        Figure("what the server's memory grows by", (told["own"] - told["before"]) / 1e6, "MB", 200),
        Figure("what is left of that when all are kept", (told["after"] - told["before"]) / 1e6, "MB", 60),
        Figure("memory of the children, all together", told["children"] / 1e6, "MB", 1_200),
        Figure("until all are kept", told["seconds"], "s"),
        Figure("until the last of them is kept", told["slowest"], "s"),
    ]
    return [Section(f"{count} uploads of 20 MB at once", SAID, [], figures)]


def taken(folder: str, paths: list[str]) -> dict[str, float]:
    process = Process("-m", "benchmarks.uploading", environment={"PARLEY_VAR": os.path.join(folder, "var")})
    try:
        process.tell(json.dumps({"paths": paths, "at_once": len(paths)}))
        answer: dict[str, float] = json.loads(process.ready().first)
        return answer
    finally:
        process.stop()


def photo(folder: Path) -> Path:
    """Twenty-five megapixels of noise, as large as it may be."""
    path = folder / "photo.jpg"
    noise = [Image.effect_noise((5_000, 5_000), 60) for _ in range(3)]
    Image.merge("RGB", noise).save(path, quality=82)
    return path


def document(folder: Path) -> Path:
    """A page, and a stream of which nothing is seen."""
    path = folder / "report.pdf"
    head = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
    page = b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\n"
    filling = os.urandom(SIZE - 1_000)
    stream = b"4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (len(filling), filling)
    path.write_bytes(head + page + stream + b"trailer\n<</Root 1 0 R>>\n%%EOF\n")
    return path


def text(folder: Path) -> Path:
    path = folder / "log.txt"
    line = "2026-11-27 12:00:00 größer als gedacht — and then it went on\n"
    path.write_text(line * (SIZE // len(line.encode())))
    return path


SAID = """Half of them photos of 25 megapixels, a quarter PDFs, a quarter texts, all at the same time in one process that has the
whole server loaded; each is read from the disk, as Django hands an upload on, taken in (`chat/files/`) and put on the disk. Two
children read at a time."""
