"""What a process must do as long as it serves is begun again, however it ends, and ends with the process."""

import asyncio

from chat.runs.executor import Executor


class Broken(Exception):
    pass


class Work:
    """Fails as a worker does that has lost its database: within a task group, whose errors it takes for its end."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[int]()

    async def __call__(self) -> None:
        self.begun.put_nowait(1)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fail())
        except* Broken:
            pass

    async def _fail(self) -> None:
        raise Broken


class Deaf:
    """Answers its cancellation with an end like any other."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[int]()

    async def __call__(self) -> None:
        self.begun.put_nowait(1)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return


async def test_work_that_fails_in_a_task_group_begins_again() -> None:
    executor, work = Executor(), Work()
    executor.keep(work)
    async with asyncio.timeout(10):
        await work.begun.get()
        await work.begun.get()
    await executor.close()


async def test_work_that_loses_its_cancellation_ends_with_the_process() -> None:
    executor, work = Executor(), Deaf()
    executor.keep(work)
    async with asyncio.timeout(10):
        await work.begun.get()
        kept = set(executor.background)
        await executor.close()
        await asyncio.wait(kept)
    assert work.begun.empty()
