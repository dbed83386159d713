"""Bytes of files: taken in, read, kept. No tables, no requests.

What a stranger sent is decoded in a child process alone (`chat.decoding`): bytes go there and come back through pipes, so that
nothing of it is on a disk unless `storage` puts it there.
"""

from chat.files import storage
from chat.files.child import Ended
from chat.files.intake import Taken, take_in
from chat.files.names import clean_name
from chat.files.reading import Page, ocr_here, still, text_in_image, text_of

__all__ = ["Ended", "Page", "Taken", "clean_name", "ocr_here", "still", "storage", "take_in", "text_in_image", "text_of"]
