"""How Alembic runs here: on the connection `officium.kit.schema` hands over, or offline as SQL text."""

from alembic import context

from officium.kit.database import ALL_TENANTS, metadata

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        literal_binds=True,
        # Others write a percent sign twice, as drivers want it and people do not.
        dialect_opts={"paramstyle": "named"},
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
    if context.is_offline_mode() and context.get_context().dialect.name == "postgresql":
        # As `Database.changing_schema` does: what moves rows must see those of all tenants.
        context.execute(f"SET LOCAL officium.tenant_id = '{ALL_TENANTS}'")
    context.run_migrations()
