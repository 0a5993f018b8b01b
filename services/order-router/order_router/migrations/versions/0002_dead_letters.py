"""Dead letters can be put back: what that takes of their records, and when it was done."""

from alembic import op

from shared import migrations

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in migrations.V2:
        op.execute(statement)
