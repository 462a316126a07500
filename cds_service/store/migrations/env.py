"""Runs the steps on the connection, and in the transaction, that ``store/migrating.py`` has opened."""

from alembic import context

from cds_service.store.migrating import VERSION_TABLE
from cds_service.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
