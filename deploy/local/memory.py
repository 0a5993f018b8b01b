"""What a platform's folder remembers from one run to the next: its ports and its secrets."""

import json
import os
from pathlib import Path

from cryptography.fernet import Fernet

from deploy.local.errors import PlatformError
from deploy.local.folder_lock import LOCK_FILE

PORTS_FILE = "platform.json"
SECRETS_FILE = "secrets.json"


def must_be_a_platforms(folder: Path) -> None:
    """Raise `PlatformError` if `folder` holds other things: they are neither mixed in nor deleted."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if found - {LOCK_FILE} and PORTS_FILE not in found:
        raise PlatformError(
            f"{folder} holds other things than a platform's. Choose another folder with --data."
        )


def never_ran(folder: Path) -> PlatformError:
    """What to raise where a platform's folder was asked for and this is none."""
    return PlatformError(f"No platform has run in {folder}. Start one with `orderdock up`.")


def read_ports(folder: Path) -> dict[str, int]:
    """The ports of the last run by part; empty before the first."""
    try:
        ports: dict[str, int] = json.loads((folder / PORTS_FILE).read_text())["ports"]
    except FileNotFoundError:
        return {}
    return ports


def write_ports(folder: Path, ports: dict[str, int]) -> None:
    """Remember the ports of this run."""
    text = json.dumps({"ports": ports}, indent=2) + "\n"
    replace(folder / PORTS_FILE, text.encode(), mode=0o644)


def encryption_keys(folder: Path) -> str:
    """`ORDERDOCK_ENCRYPTION_KEYS` of this platform, made once; only its owner may read the file."""
    path = folder / SECRETS_FILE
    if not path.exists():
        text = json.dumps({"encryption_keys": Fernet.generate_key().decode()}) + "\n"
        replace(path, text.encode(), mode=0o600)
    keys: str = json.loads(path.read_text())["encryption_keys"]
    return keys


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file as a whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    unfinished.replace(path)
