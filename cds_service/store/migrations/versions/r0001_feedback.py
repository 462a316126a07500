"""Feedback and token ids as they were kept before there were migrations.

A database of that time has one of them, both or neither; what is there is taken over as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    existing = sa.inspect(op.get_bind()).get_table_names()
    if "feedback" not in existing:
        op.create_table(
            "feedback",
            sa.Column("card", sa.String(64), nullable=False),
            sa.Column("outcome", sa.String(16), nullable=False),
            sa.Column("outcome_timestamp", sa.DateTime, nullable=False),
            sa.Column("suggestion", sa.String(64), nullable=False, server_default=""),
            sa.Column("service", sa.String(64), nullable=False),
            sa.Column("client", sa.String(200), nullable=False, server_default=""),
            sa.Column("reason_system", sa.String(200)),
            sa.Column("reason_code", sa.String(200)),
            sa.Column("received", sa.DateTime, nullable=False),
            sa.UniqueConstraint(
                "client", "card", "outcome", "outcome_timestamp", "suggestion", name="feedback_once"
            ),
        )
    if "token_ids" not in existing:
        op.create_table(
            "token_ids",
            sa.Column("digest", sa.String(64), primary_key=True),
            sa.Column("expires", sa.BigInteger, nullable=False),
        )
