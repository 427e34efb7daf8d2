"""Drafts and what became of them; experiments and golden sets of prompts."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0020"
down_revision = "0015"

_MOMENT = sa.DateTime(timezone=True)
_TABLES = (
    "writer_drafts",
    "writer_feedback",
    "writer_style_rules",
    "prompt_experiments",
    "prompt_outcomes",
    "prompt_golden_sets",
)


def upgrade() -> None:
    _create_writer()
    _create_prompts()
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_writer() -> None:
    op.create_table(
        "writer_drafts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("language", sa.String(32), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("raw_confidence", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("prompt", sa.String(128)),
        sa.Column("variant", sa.String(32)),
        sa.Column("experiment_id", sa.String(64)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writer_drafts"),
        _of_tenant("writer_drafts"),
    )
    op.create_index("ix_writer_drafts_created", "writer_drafts", ["tenant_id", "created_at"])
    op.create_table(
        "writer_feedback",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("draft_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("worth", sa.Double(), nullable=False),
        sa.Column("raw_confidence", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "draft_id", name="pk_writer_feedback"),
        _of_tenant("writer_feedback"),
    )
    op.create_index("ix_writer_feedback_kind", "writer_feedback", ["tenant_id", "kind", "created_at"])
    op.create_table(
        "writer_style_rules",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("habit", sa.String(128), nullable=False),
        sa.Column("rule", sa.String(300), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("is_chosen", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writer_style_rules"),
        sa.UniqueConstraint("tenant_id", "owner_id", "habit", name="uq_writer_style_rules_habit"),
        _of_tenant("writer_style_rules"),
    )


def _create_prompts() -> None:
    op.create_table(
        "prompt_experiments",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("started_by", sa.String(128), nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_experiments"),
        _of_tenant("prompt_experiments"),
    )
    op.create_index("ix_prompt_experiments_name", "prompt_experiments", ["tenant_id", "name", "id"])
    op.create_table(
        "prompt_outcomes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("experiment_id", sa.String(64), nullable=False),
        sa.Column("variant", sa.String(32), nullable=False),
        sa.Column("worth", sa.Double(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_outcomes"),
        _of_tenant("prompt_outcomes"),
    )
    op.create_index("ix_prompt_outcomes_experiment", "prompt_outcomes", ["tenant_id", "experiment_id"])
    op.create_table(
        "prompt_golden_sets",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_prompt_golden_sets"),
        _of_tenant("prompt_golden_sets"),
    )


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id", ondelete="CASCADE"
    )
