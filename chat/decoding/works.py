"""All that a child can do, by name. Each takes the task, loads what it needs, and gives a function from bytes to an answer."""

from collections.abc import Callable

from chat.decoding.frames import Answer, Task

Work = Callable[[bytes], Answer]


def _image(task: Task) -> Work:
    from chat.decoding import images

    return images.prepared(task.form, pixels=task.given["pixels"], frames=task.given["frames"], size=task.given["size"])


def _still(task: Task) -> Work:
    from chat.decoding import images

    return images.still(task.form, pixels=task.given["pixels"])


def _document(task: Task) -> Work:
    from chat.decoding import documents

    return documents.judged(task.form, draw=bool(task.given["draw"]))


def _text(task: Task) -> Work:
    from chat.decoding import documents

    return documents.text(task.form, most=task.given["bytes"], count=task.given["pages"], limits=task.limits)


def _words(task: Task) -> Work:
    from chat.decoding import words

    return words.prepared(task.form, pixels=task.given["pixels"], most=task.given["bytes"])


WORKS: dict[str, Callable[[Task], Work]] = {
    "image": _image,
    "still": _still,
    "document": _document,
    "text": _text,
    "words": _words,
}
