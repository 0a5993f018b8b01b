"""Kafka's jars: the lock, the download, the check."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.local import jars
from deploy.local.errors import PlatformError
from deploy.local.jars import Jar

CONTENT = b"a small jar"
SMALL = Jar("org.example.tools:small:1.2", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: a test's output is its own."""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Maven repository on the loopback address that holds `SMALL`."""
    file = tmp_path / "repository" / SMALL.path
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "repository")) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    return folder


def test_the_lock_names_kafka_and_every_jar_once() -> None:
    locked = jars.read_lock()
    assert set(jars.COORDINATES) <= {jar.coordinate for jar in locked}
    assert len({jar.file_name for jar in locked}) == len(locked)
    assert all(len(jar.sha256) == 64 for jar in locked)


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "lock.toml").write_text(jars.lock_text([SMALL]))
    assert jars.read_lock(tmp_path / "lock.toml") == (SMALL,)


def test_a_jar_lies_where_maven_keeps_it() -> None:
    assert SMALL.path == "org/example/tools/small/1.2/small-1.2.jar"


async def test_a_download_is_kept_and_says_how_far_it_is(repository: str, folder: Path) -> None:
    said: list[str] = []
    await jars.download([SMALL], folder, repository, said.append)
    assert (folder / SMALL.file_name).read_bytes() == CONTENT
    assert "1 of 1" in said[-1]


async def test_a_changed_jar_is_refused_by_name_and_not_kept(repository: str, folder: Path) -> None:
    other = Jar(SMALL.coordinate, "0" * 64, SMALL.size)
    with pytest.raises(PlatformError, match=r"not the org\.example\.tools:small:1\.2"):
        await jars.download([other], folder, repository, list[str]().append)
    assert not (folder / SMALL.file_name).exists()


async def test_a_repository_out_of_reach_is_one_sentence_with_a_way_out(folder: Path) -> None:
    with pytest.raises(PlatformError, match="KAFKA_BOOTSTRAP_SERVERS"):
        await jars.download([SMALL], folder, "http://127.0.0.1:9", list[str]().append)


def test_a_jar_changed_after_its_download_is_found(folder: Path) -> None:
    kept = folder / SMALL.file_name
    kept.write_bytes(CONTENT + b"!")
    with pytest.raises(PlatformError, match=f"rm '{kept}'"):
        jars.check(SMALL, kept)
