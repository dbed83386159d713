"""Runs as jobs, on Postgres."""

import asyncio

import pytest
from django.db import connection

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="jobs are kept on Postgres")


class Idle:
    """An executor that has room and gets nothing."""

    def start(self, response_id: str) -> None:
        raise AssertionError(response_id)

    async def vacancy(self) -> None:
        return


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_a_worker_that_is_cancelled_at_any_moment_leaves_no_task_behind(turns: int) -> None:
    """One left by the pool of connections ignores that it is cancelled: the process would never end."""
    from chat.runs.jobs import Jobs  # its tables exist on Postgres only

    before = asyncio.all_tasks()
    serving = asyncio.create_task(Jobs().serve(Idle()))
    for _ in range(turns):
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving], timeout=20)
    assert serving.cancelled()
    left = asyncio.all_tasks() - before
    for task in left:
        task.cancel()
    assert not left
