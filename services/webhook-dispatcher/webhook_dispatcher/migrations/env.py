"""Alembic's environment of the webhook-dispatcher's database."""

from shared import migrations

migrations.run()
