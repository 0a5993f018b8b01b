"""Which encryption key an endpoint's secrets were stored with; NULL: some key of that time, by older code."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE endpoints ADD COLUMN key_id text")
    op.execute("CREATE INDEX endpoints_by_key ON endpoints (key_id)")
