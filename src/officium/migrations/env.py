"""How Alembic runs here: on the connection `officium.kit.schema` hands over, or offline as SQL text."""

from alembic import context

from officium.kit.database import metadata

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        literal_binds=True,
        render_as_batch=True,
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=True,
    )

with context.begin_transaction():
    context.run_migrations()
