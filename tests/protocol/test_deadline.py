"""One deadline for one wait after the other: what it cuts off, and what it leaves alone."""

import asyncio
import contextlib
import time

import pytest

from chat.protocol.deadline import Deadline

SHORT = 0.05  # seconds


async def value(after: float) -> str:
    await asyncio.sleep(after)
    return "came"


async def test_each_wait_has_all_the_time() -> None:
    with Deadline(SHORT) as deadline:
        for _ in range(5):
            assert await deadline.wait(value(SHORT / 2)) == "came"


async def test_the_time_between_two_waits_is_nobodys_silence() -> None:
    with Deadline(SHORT) as deadline:
        assert await deadline.wait(value(0)) == "came"
        await asyncio.sleep(3 * SHORT)
        assert await deadline.wait(value(SHORT / 2)) == "came"


@pytest.mark.parametrize("before", [0, 3])
async def test_a_wait_that_takes_longer_is_cancelled_and_raises_timeout_error(before: int) -> None:
    with Deadline(SHORT) as deadline:
        for _ in range(before):
            await deadline.wait(value(SHORT / 2))
        never = asyncio.get_running_loop().create_future()
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await deadline.wait(never)
        assert never.cancelled()
        assert asyncio.get_running_loop().time() - began >= SHORT * 0.9
        assert await deadline.wait(value(0)) == "came"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def cancelled(deadline: Deadline, never: "asyncio.Future[str]", told: list[str]) -> None:
    try:
        await deadline.wait(never)
    except BaseException as error:
        told.append(type(error).__name__)
        raise


@pytest.mark.parametrize("together", [False, True])
async def test_who_is_cancelled_by_somebody_else_is_told_so(*, together: bool) -> None:
    """Also in the same turn of the loop in which the time is over."""
    told: list[str] = []
    with Deadline(SHORT) as deadline:
        task = asyncio.create_task(cancelled(deadline, asyncio.get_running_loop().create_future(), told))
        await asyncio.sleep(0)
        if together:
            deadline._until = 0.0
            deadline._look(asyncio.get_running_loop(), last=True)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert told == ["CancelledError"]
    assert task.cancelled()


async def test_what_swallows_the_cancellation_leaves_none_behind() -> None:
    async def stubborn() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(30)
        raise ConnectionResetError

    task = asyncio.current_task()
    assert task is not None
    with Deadline(SHORT) as deadline, pytest.raises(ConnectionResetError):
        await deadline.wait(stubborn())
    assert not task.cancelling()


async def test_while_it_is_stopped_no_time_passes() -> None:
    with Deadline(SHORT) as deadline:
        deadline.stop()
        assert await deadline.wait(value(3 * SHORT)) == "came"


@pytest.mark.parametrize("late", [0.5, 3])
async def test_a_wait_under_way_begins_anew_when_it_is_started_again(late: float) -> None:
    """Also where it was stopped for longer than the deadline, and where that would have been over a moment later."""
    loop = asyncio.get_running_loop()
    with Deadline(SHORT) as deadline:
        deadline.stop()
        loop.call_later(late * SHORT, deadline.start)
        began = loop.time()
        with pytest.raises(TimeoutError):
            await deadline.wait(loop.create_future())
        assert loop.time() - began >= (late + 1) * SHORT * 0.95


async def test_what_comes_in_the_turn_in_which_the_time_is_over_is_in_time() -> None:
    """As after a moment in which the whole process stood still: the bytes are here, and the deadline has passed."""
    loop = asyncio.get_running_loop()
    with Deadline(SHORT) as deadline:
        coming: asyncio.Future[str] = loop.create_future()
        task = asyncio.create_task(deadline.wait(coming))
        await asyncio.sleep(0)
        loop.call_soon(coming.set_result, "came")
        time.sleep(2 * SHORT)  # noqa: ASYNC251 - the loop stands still
        assert await task == "came"


async def test_nothing_goes_off_after_the_last_wait() -> None:
    with Deadline(SHORT) as deadline:
        await deadline.wait(value(0))
    await asyncio.sleep(2 * SHORT)


async def test_errors_come_through() -> None:
    async def broken() -> None:
        raise ConnectionResetError

    with Deadline(SHORT) as deadline, pytest.raises(ConnectionResetError):
        await deadline.wait(broken())
