"""The database's clock, which is the same for all processes: what has expired is judged by it alone."""

from datetime import UTC, datetime

from chat.store import sql


def now() -> datetime:
    """In UTC, whatever zone anybody lives in: a day of 23 or 25 hours is nobody's here."""
    ((moment,),) = sql.rows("SELECT {now}")
    return datetime.fromisoformat(moment).replace(tzinfo=UTC) if isinstance(moment, str) else moment.astimezone(UTC)
