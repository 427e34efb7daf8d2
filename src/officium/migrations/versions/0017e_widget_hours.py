"""When people answer the visitors of a widget."""

import sqlalchemy as sa
from alembic import op

revision = "0017e"
down_revision = "0017d"


def upgrade() -> None:
    op.add_column("widget_configs", sa.Column("working_hours", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("widget_configs", "working_hours")
