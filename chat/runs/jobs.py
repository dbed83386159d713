"""Runs as jobs of Procrastinate, on Postgres: any process may queue them, each worker takes what it has room for.

A job only says that a run is due, and ends when an executor has it: from then on the run's lease tells whether its process
lives. So a job that is lost, doubled or stalled changes nothing, and a worker that loses the database begins again at once.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from procrastinate import App, JobContext
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg import Error as PostgresError
from psycopg_pool import AsyncConnectionPool

from chat.runs.dispatch import Executes

logger = logging.getLogger(__name__)
QUEUE: Final = "runs"
FETCHED: Final = 2  # jobs that one worker may hold before it has room for them; the rest stay for others
HEARTBEAT: Final = 1.0  # seconds between signs of life of a worker
STALLED: Final = 4.0  # seconds without one, after which its jobs are taken up again
POLL: Final = 1.0  # seconds until a job is found whose notice was lost
RECONNECT: Final = 3.0  # seconds of tries with growing pauses between them
CONNECTIONS: Final = 3  # for listening, fetching and signs of life


@app.task(name="execute", queue=QUEUE, pass_context=True)
async def execute(context: JobContext, *, response_id: str) -> None:
    executor: Executes = context.additional_context["executor"]
    await executor.vacancy()
    executor.start(response_id)


async def _again(pool: AsyncConnectionPool[Any]) -> None:
    """Try to connect anew, from the shortest pause on: left alone they double, and a worker would come back a minute late."""
    await pool.check()


class Jobs:
    """See `Dispatch`. The queueing lock keeps one waiting job for each run."""

    def start(self, response_ids: Sequence[str]) -> None:
        for response_id in response_ids:
            try:
                execute.configure(queueing_lock=response_id).defer(response_id=response_id)
            except AlreadyEnqueued:
                continue

    async def serve(self, executor: Executes) -> None:
        """One worker, until it is cancelled or the database fails it; then it is called again."""
        more: dict[str, Any] = {"timeout": 5, "reconnect_timeout": RECONNECT, "reconnect_failed": _again}
        connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=CONNECTIONS, name="jobs", **more)
        worker = App(connector=connector)  # of its own: views of this process queue through Django's connection meanwhile
        worker.tasks[execute.name] = execute
        try:
            async with worker.open_async(), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(worker, executor))
                tasks.create_task(self._rescue(worker))
        except* (ConnectorException, PostgresError, OSError) as group:
            logger.warning("The worker lost the database and begins again: %s", type(group.exceptions[0]).__name__)
        finally:  # cancelled while it opened, nothing else would: the pool's own tasks ignore that, and no loop would ever end
            await worker.close_async()

    async def _work(self, worker: App, executor: Executes) -> None:
        await worker.run_worker_async(
            queues=[QUEUE],
            concurrency=FETCHED,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
            delete_jobs="always",
            install_signal_handlers=False,
            additional_context={"executor": executor},
        )

    async def _rescue(self, worker: App) -> None:
        """Take up again what a worker fetched that died before it had begun."""
        jobs = worker.job_manager
        while True:
            await asyncio.sleep(settings.RUN_SWEEP)
            for job in await jobs.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED):
                try:
                    await jobs.retry_job(job)
                except ConnectorException:  # the sweep has queued it anew
                    await jobs.finish_job(job, Status.FAILED, delete_job=True)
