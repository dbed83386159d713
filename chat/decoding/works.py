"""All that a child can do, by name. Each takes the task, loads what it needs, and gives a function from bytes to an answer."""

from collections.abc import Callable

from chat.decoding.frames import Answer, Task

Work = Callable[[bytes], Answer]


def _image(task: Task) -> Work:
    from chat.decoding import images

    return images.prepared(task.form, pixels=task.given["pixels"], frames=task.given["frames"], size=task.given["size"])


WORKS: dict[str, Callable[[Task], Work]] = {"image": _image}
