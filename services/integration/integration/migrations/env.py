"""Alembic's entry: the migrations of the integration service's database."""

from shared import migrations

migrations.run()
