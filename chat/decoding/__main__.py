"""One child: a task, its limits, the bytes of a stranger, an answer, the end."""

import sys
import warnings

from chat.decoding import doors
from chat.decoding.frames import LINE, Answer, Refusal, Task
from chat.decoding.works import WORKS

DAMAGED = (
    "invalid",
    "This file cannot be read: it is damaged, or only a part of it.",
    "Check that it opens elsewhere, then send it again.",
)
GREEDY = ("large", "This file needs more memory than one may take.", "Send a smaller one.")


def main() -> None:
    warnings.simplefilter("ignore")
    task = Task.parsed(sys.stdin.buffer.readline(LINE))
    doors.limit(task.limits)
    work = WORKS[task.work](task)  # loads what it needs
    doors.close()
    data = sys.stdin.buffer.read()
    try:
        answer = work(data)
    except Refusal as refusal:
        answer = refusal.answer
    except MemoryError:
        answer = Answer(refused=GREEDY)
    except Exception:  # whatever a decoder raises over a file, the file is at fault
        answer = Answer(refused=DAMAGED)
    answer.write(sys.stdout.buffer)


if __name__ == "__main__":
    main()
