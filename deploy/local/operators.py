"""Makes operators of a running platform, in integration's database, since no API can make the first."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local import databases
from deploy.local.postgres import Postgres


def create(folder: Path, bootstrap_servers: str, email: str, *, as_json: bool) -> int:
    """Prints the new operator's account id and API key; answers the exit code.

    The database is that of `DATABASE_URL`, or of the platform in the folder.
    """
    server = os.environ.get("DATABASE_URL") or Postgres(folder / "postgres").url("postgres")
    settings = {
        "DATABASE_URL": databases.on_server(server, "integration"),
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
    }
    command = [sys.executable, "-m", "integration.operators", "create", email]
    told = subprocess.run(
        [*command, *(["--json"] if as_json else [])], env={**os.environ, **settings}, check=False
    )
    return told.returncode
