"""Cards served; of feedback the tenant and, where it is wanted, the encrypted comment; shared keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False, server_default=""),
        sa.Column("indicator", sa.String(16), nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("hook_instance", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("client", sa.String, nullable=False, server_default=""),
        sa.Column("tenant", sa.String, nullable=False, server_default=""),
        sa.Column("knowledge", sa.String, nullable=False, server_default=""),
        sa.Column("version", sa.String, nullable=False, server_default=""),
        sa.Column("shown", sa.DateTime, nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("order_hash", sa.String(32)),
        sa.Column("fingerprint", sa.String(32)),
        sa.Column("mode", sa.String(16), nullable=False, server_default="live"),
        sa.Column("suppressed", sa.String(32)),
    )
    op.create_index("cards_subject", "cards", ["subject", "shown"])
    op.create_index("cards_shown", "cards", ["shown"])
    op.create_index("cards_hook_instance", "cards", ["hook_instance"])
    op.add_column("feedback", sa.Column("tenant", sa.String, nullable=False, server_default=""))
    op.add_column("feedback", sa.Column("comment", sa.Text))
    op.create_index("feedback_card", "feedback", ["card"])
    op.create_index("feedback_received", "feedback", ["received"])
    op.create_table(
        "store_keys",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(128), nullable=False),
    )
