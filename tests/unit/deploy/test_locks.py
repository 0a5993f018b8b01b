"""The lock files say what pyproject.toml asks for, with hashes and without addresses."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME, EVERYTHING = "requirements.lock", "requirements-dev.lock"


def locked(lock: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()):
        requirement, *hashes = [part.strip() for part in entry.split("\\\n")]
        yield Requirement(requirement), hashes


def versions(lock: str) -> dict[str, str]:
    """The versions a lock pins, by package."""
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each, _ in locked(lock)}


def asked(*extras: str) -> list[Requirement]:
    """What pyproject.toml names itself, with these extras."""
    project = PROJECT["project"]
    lines = [line for extra in extras for line in project["optional-dependencies"][extra]]
    requirements = [Requirement(line) for line in project["dependencies"] + lines]
    return [each for each in requirements if each.name != project["name"]]


@pytest.mark.parametrize("lock", [RUNTIME, EVERYTHING])
def test_every_package_of_a_lock_is_pinned_and_has_hashes(lock: str) -> None:
    for requirement, hashes in locked(lock):
        assert str(requirement.specifier).startswith("=="), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), requirement


@pytest.mark.parametrize("lock", [RUNTIME, EVERYTHING])
def test_no_lock_names_an_address(lock: str) -> None:
    assert "//" not in (ROOT / lock).read_text()


@pytest.mark.parametrize(("lock", "extras"), [(RUNTIME, ()), (EVERYTHING, ("local", "dev"))])
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    pinned = versions(lock)
    stale = [
        str(each)
        for each in asked(*extras)
        if pinned.get(canonicalize_name(each.name), "0") not in each.specifier
    ]
    assert stale == [], "run `make lock`"


def test_the_image_runs_the_versions_that_were_tested() -> None:
    tested = versions(EVERYTHING)
    assert {name: tested.get(name) for name in versions(RUNTIME)} == versions(RUNTIME)


def test_the_image_holds_nothing_that_is_exempt_from_the_licence_list() -> None:
    exempt = set(PROJECT["tool"]["pip-licenses"]["ignore-packages"]) - {"httpx-aiohttp"}
    assert exempt & set(versions(RUNTIME)) == set()


def test_the_build_backend_is_locked_too() -> None:
    pinned = versions(EVERYTHING)
    for line in PROJECT["build-system"]["requires"]:
        requirement = Requirement(line)
        assert pinned[requirement.name] in requirement.specifier
