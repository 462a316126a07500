"""Whether an override came with a comment; snoozes that were lifted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("feedback", sa.Column("commented", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "snooze_lifts",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("lifted", sa.DateTime, nullable=False),
    )
