"""Installs Orderdock and all that the lock names into a virtual environment; `make setup` runs it."""

import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements-dev.lock"
SAY_EVERY = 5.0  # seconds


def main(folder: Path) -> None:
    """Make the environment or bring it up to date; exits with a sentence if that can't be done."""
    began = time.monotonic()
    python = folder / "bin" / "python"
    total = len(re.findall(r"^[a-z0-9].*==", LOCK.read_text(), re.MULTILINE))
    say(f"Installing {total} packages into {folder}, for Python {sys.version.split()[0]} …")
    if not usable(python):
        make_environment(folder)
    pip(python, "--require-hashes", "--requirement", str(LOCK), total=total)
    pip(python, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def usable(python: Path) -> bool:
    """Whether there is an environment with a pip that works, on a Python that is new enough."""
    asked = [str(python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return python.exists() and subprocess.run(asked, capture_output=True, check=False).returncode == 0


def make_environment(folder: Path) -> None:
    """Make an empty environment with pip in it; exits with a sentence if this Python can't."""
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"{sys.executable} can't make a virtual environment ({error}): apt-get install python3-venv")


def pip(python: Path, *arguments: str, total: int = 0) -> None:
    """Run `pip install`, and say in a line every few seconds how far it is."""
    command = [str(python), "-m", "pip", "install", "--progress-bar=off", "--disable-pip-version-check"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout
        said = list(followed(running.stdout, total))
    if running.returncode != 0:
        last = "\n".join(said[-8:])
        sys.exit(f"{last}\npip could not install this. Mend what it names, then run `make setup` again.")


def followed(lines: Iterator[str], total: int) -> Iterator[str]:
    """The lines pip says, told in short to the person who waits."""
    found, spoke = 0, time.monotonic()
    for line in lines:
        if line.startswith("Collecting "):
            found += 1
            if time.monotonic() - spoke > SAY_EVERY:
                say(f"  {found} of {total}: {line.split()[1]}")
                spoke = time.monotonic()
        elif total and line.startswith("Installing collected packages"):
            say("  putting them in place …")
        yield line.rstrip()


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once also where stdout is a file."""
    print(sentence, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
