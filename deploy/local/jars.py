"""The jars of Apache Kafka: downloaded once a user, and held against a committed lock at each start.

`kafka.lock.toml` names every jar by its Maven coordinate and SHA-256. `python -m deploy.local.jars` makes it
anew after a change of `COORDINATES`.
"""

import asyncio
import hashlib
import ssl
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import platformdirs
from jgo.constants import MAVEN_CENTRAL_URL

from deploy.local.errors import PlatformError
from deploy.local.folder_lock import awaited_folder_lock

KAFKA_VERSION = "4.4.0"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:2.0.17")

LOCK = Path(__file__).with_name("kafka.lock.toml")
AT_ONCE = 4  # downloads

Say = Callable[[str], None]


@dataclass(frozen=True)
class Jar:
    """One line of the lock: `group:artifact:version`, SHA-256 in hex, size in bytes."""

    coordinate: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def path(self) -> str:
        """Where it lies in a Maven repository."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.file_name}"


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of the lock."""
    return tuple(Jar(**line) for line in tomllib.loads(path.read_text())["jar"])


def default_folder() -> Path:
    """Where this user's copy of the jars lies."""
    return platformdirs.user_cache_path("orderdock") / f"kafka-{KAFKA_VERSION}"


async def class_path(say: Say, folder: Path | None = None, repository: str = MAVEN_CENTRAL_URL) -> str:
    """Java's class path of Kafka, after downloading what is missing and checking every jar.

    Raises `PlatformError` if a jar can't be had, or isn't the one of the lock.
    """
    folder = folder or default_folder()
    jars = read_lock()
    async with awaited_folder_lock(folder):
        missing = [jar for jar in jars if not (folder / jar.file_name).exists()]
        if missing:
            await download(missing, folder, repository, say)
    for jar in jars:
        check(jar, folder / jar.file_name)
    return ":".join(str(folder / jar.file_name) for jar in jars)


async def download(jars: Sequence[Jar], folder: Path, repository: str, say: Say) -> None:
    """Fetch the jars, a few at a time, and say how far it is."""
    progress = Progress(jars, say)
    turns = asyncio.Semaphore(AT_ONCE)
    # The system's certificates, not those of a package: many networks have an authority of their own.
    trusted = ssl.create_default_context()
    async with httpx.AsyncClient(verify=trusted, timeout=httpx.Timeout(60, connect=15, pool=None)) as client:
        try:
            async with asyncio.TaskGroup() as fetches:
                for jar in jars:
                    fetches.create_task(fetch(client, repository, jar, folder, turns, progress))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


async def fetch(
    client: httpx.AsyncClient,
    repository: str,
    jar: Jar,
    folder: Path,
    turns: asyncio.Semaphore,
    progress: "Progress",
) -> None:
    """Download one jar and keep it."""
    address = f"{repository}/{jar.path}"
    try:
        async with turns:
            answer = (await client.get(address)).raise_for_status()
    except httpx.HTTPError as error:
        raise PlatformError(
            f"Kafka's jars can't be downloaded from {address}: {str(error) or type(error).__name__}. "
            f"Let this machine reach that address (HTTPS_PROXY is honoured), or copy {folder} from a machine "
            "that has it, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka of your own."
        ) from error
    keep(jar, answer.content, folder)
    progress.add(jar)


def keep(jar: Jar, content: bytes, folder: Path) -> None:
    """Write the jar, check it, and only then give it its name."""
    part = folder / f"{jar.file_name}.part"
    part.write_bytes(content)
    check(jar, part)
    part.rename(folder / jar.file_name)


class Progress:
    """Says how much of a download is done, at most once a second, and at its end."""

    def __init__(self, jars: Sequence[Jar], say: Say) -> None:
        self._say = say
        self._jars, self._bytes = len(jars), sum(jar.size for jar in jars)
        self._jars_done, self._bytes_done = 0, 0
        self._said = time.monotonic()
        size = megabytes(self._bytes)
        say(f"Downloading Apache Kafka {KAFKA_VERSION}: {self._jars} jars, {size}, once a user.")

    def add(self, jar: Jar) -> None:
        """One more jar is there."""
        self._jars_done += 1
        self._bytes_done += jar.size
        if self._jars_done == self._jars or time.monotonic() - self._said >= 1:
            self._said = time.monotonic()
            done, total = megabytes(self._bytes_done), megabytes(self._bytes)
            self._say(f"  {self._jars_done} of {self._jars} jars, {done} of {total}")


def megabytes(size: int) -> str:
    """A size in bytes as a person reads it."""
    return f"{size / 1_000_000:.0f} MB"


def check(jar: Jar, path: Path) -> None:
    """Raise `PlatformError` unless the file at `path` is the jar of the lock."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise PlatformError(
            f"{path} is not the {jar.coordinate} of kafka.lock.toml: "
            f"its SHA-256 is {found}, the lock says {jar.sha256}. "
            f"Delete it (rm '{path}') and start again; if this comes back, something on the way from "
            "Maven Central changes the download."
        )


def resolve(coordinates: Sequence[str], repository: Path) -> tuple[Jar, ...]:
    """The jars that these coordinates need at run time, as jgo finds them; `repository` takes the files."""
    from jgo.maven import MavenContext  # noqa: PLC0415  (needed to make the lock, never to start)

    context = MavenContext(repo_cache=repository)
    wanted, needed = context.resolver.resolve([context.create_dependency(c) for c in coordinates])
    needed = [dependency for dependency in needed if dependency.scope in ("compile", "runtime")]
    artifacts = [dependency.artifact for dependency in (*wanted, *needed)]
    files = {f"{a.groupId}:{a.artifactId}:{a.version}": a.resolve() for a in artifacts}
    return tuple(
        Jar(coordinate, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size)
        for coordinate, file in sorted(files.items())
    )


def lock_text(jars: Sequence[Jar]) -> str:
    """The lock file of these jars."""
    lines = [
        f'[[jar]]\ncoordinate = "{jar.coordinate}"\nsha256 = "{jar.sha256}"\nsize = {jar.size}\n'
        for jar in jars
    ]
    return "\n".join(
        ["# Made by `python -m deploy.local.jars`; every start holds the jars against it.\n", *lines]
    )


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as repository:
        LOCK.write_text(lock_text(resolve(COORDINATES, Path(repository))))
