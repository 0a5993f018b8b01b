"""A platform's folder: its lock, what it remembers, its ports, its databases' addresses, its end."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from deploy.local import cli, databases, memory
from deploy.local.errors import InUseError
from deploy.local.folder_lock import folder_lock
from deploy.local.ports import free_port, is_free

HOLDER = """
import sys
from pathlib import Path
from deploy.local.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_folder_in_use_is_refused_with_the_holder_and_free_again_after_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InUseError, match=f"in use by process {holder.pid}"), folder_lock(tmp_path):
            pass
        holder.kill()
    with folder_lock(tmp_path):
        pass


def test_ports_are_remembered(tmp_path: Path) -> None:
    assert memory.read_ports(tmp_path) == {}
    memory.write_ports(tmp_path, {"kafka": 19092})
    assert memory.read_ports(tmp_path) == {"kafka": 19092}


def test_encryption_keys_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    keys = memory.encryption_keys(tmp_path)
    assert memory.encryption_keys(tmp_path) == keys
    assert Fernet(keys)
    assert (tmp_path / memory.SECRETS_FILE).stat().st_mode & 0o777 == 0o600


def test_a_free_port_is_kept_and_a_taken_one_replaced() -> None:
    port = free_port()
    assert free_port(port) == port
    assert free_port(port, taken=frozenset({port})) != port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_free(taken.getsockname()[1])
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("postgresql://me:secret@db:5433/postgres", "postgresql://me:secret@db:5433/order_router"),
        ("postgres://me@db", "postgresql://me@db/order_router"),
        (
            "postgresql://postgres@/postgres?host=/run/pg",
            "postgresql://postgres@/order_router?host=%2Frun%2Fpg",
        ),
    ],
)
def test_a_database_is_named_on_any_server(server: str, expected: str) -> None:
    assert databases.on_server(server, "order_router") == expected


def test_a_database_name_is_quoted() -> None:
    assert databases.quoted('a"b') == '"a""b"'


def test_reset_deletes_a_platform_and_nothing_else(tmp_path: Path) -> None:
    platform, other = tmp_path / "platform", tmp_path / "other"
    for folder in (platform, other):
        folder.mkdir()
        (folder / "something").touch()
    memory.write_ports(platform, {})
    assert CliRunner().invoke(cli.app, ["reset", "--data", str(platform), "--yes"]).exit_code == 0
    assert CliRunner().invoke(cli.app, ["reset", "--data", str(other), "--yes"]).exit_code == 1
    assert not platform.exists()
    assert other.exists()


def test_reset_asks_first(tmp_path: Path) -> None:
    memory.write_ports(tmp_path, {})
    assert CliRunner().invoke(cli.app, ["reset", "--data", str(tmp_path)], input="n\n").exit_code == 1
    assert tmp_path.exists()
