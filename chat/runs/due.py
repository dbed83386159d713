"""What is due and made in the background, one after the other: taken with a lease, made, given back by a process that ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import Error as DatabaseError

from chat.errors import ParleyError
from chat.store import pool

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Due(Generic[T]):
    """One kind. `take` gives the next, or None; its argument: no other process can hold one. `gone` is raised when it is not this
    process's any more; `broken` is said of one that cannot be made.
    """

    name: str
    take: Callable[[bool], T | None]
    make: Callable[[T], Awaitable[None]]
    give_back: Callable[[T], object]
    fail: Callable[[T, str], object]
    gone: type[Exception]
    broken: str

    async def make_next(self, *, alone: bool) -> bool:
        """Make the one that is due; False when none is."""
        try:
            one = await pool.for_readers(self.take, alone)
        except DatabaseError:  # the sweep says so
            return False
        if one is None:
            return False
        try:
            await self.make(one)
        except self.gone:
            pass
        except asyncio.CancelledError:
            with suppress(DatabaseError):
                await pool.for_readers(self.give_back, one)
            raise
        except DatabaseError as error:
            logger.warning("%s lost the database, and is made anew: %s", self.name, type(error).__name__)
        except ParleyError as error:
            await pool.for_readers(self.fail, one, f"{error.message} {error.next}")
        except Exception:
            logger.exception("%s cannot be made: %s", self.name, one)
            await pool.for_readers(self.fail, one, self.broken)
        return True
