"""Alembic's environment of the order-router's database."""

from shared import migrations

migrations.run()
