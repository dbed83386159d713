"""Whether the tables are those that this version needs."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def up_to_date() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
