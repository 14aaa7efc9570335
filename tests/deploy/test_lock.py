"""The lock file holds what pyproject.toml asks for, from the public index, with hashes."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from dockerfile import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}
RENEW = "uv.lock does not fit pyproject.toml: renew it with 'make lock'"


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    return read("uv.lock")


@pytest.fixture(scope="module")
def packages(lock: dict[str, Any]) -> list[dict[str, Any]]:
    return lock["package"]


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / name).read_text(encoding="utf-8"))


def requirements() -> Iterator[tuple[str, Requirement]]:
    """Yield the requirements of pyproject.toml, each with its extra."""
    project = read("pyproject.toml")["project"]
    for extra, texts in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        for text in texts:
            yield extra, Requirement(text)


def asked(extra: str, requirement: Requirement) -> tuple[object, ...]:
    own = str(requirement.marker or "").replace('"', "'")
    marker = " and ".join(filter(None, (own, f"extra == '{extra}'" if extra else "")))
    return canonicalize_name(requirement.name), frozenset(requirement.extras), str(requirement.specifier), marker


def recorded(entry: dict[str, Any]) -> tuple[object, ...]:
    specifier = str(Requirement(f"x{entry.get('specifier', '')}").specifier)
    return entry["name"], frozenset(entry.get("extras", ())), specifier, entry.get("marker", "")


def test_the_lock_is_of_this_project(packages: list[dict[str, Any]]) -> None:
    own = next(package for package in packages if package["name"] == "kedro-asgi")
    assert own["version"] == read("pyproject.toml")["project"]["version"], RENEW
    assert {recorded(entry) for entry in own["metadata"]["requires-dist"]} == {asked(*one) for one in requirements()}, (
        RENEW
    )


def test_each_requirement_has_a_version(packages: list[dict[str, Any]]) -> None:
    versions = {package["name"]: Version(package["version"]) for package in packages}
    for _, requirement in requirements():
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, RENEW


def test_the_constraints_of_make_are_the_versions_of_the_lock(packages: list[dict[str, Any]]) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    constraints = [Requirement(line) for line in lines]
    constrained = {(canonicalize_name(one.name), str(one.specifier)) for one in constraints}
    locked = {(package["name"], f"=={package['version']}") for package in packages}
    assert constrained <= locked, RENEW
    required = {canonicalize_name(one.name) for _, one in requirements()} - {"kedro-asgi"}
    assert required <= {name for name, _ in constrained}, RENEW


def test_what_builds_the_wheel_has_a_version(lock: dict[str, Any], packages: list[dict[str, Any]]) -> None:
    project = read("pyproject.toml")
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
    assert "hatchling" in {package["name"] for package in packages}


def test_files_come_from_the_public_index_and_have_hashes(packages: list[dict[str, Any]]) -> None:
    files = [file for package in packages for file in (*package.get("wheels", ()), package.get("sdist")) if file]
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]) for file in files)
    registries = [package["source"]["registry"] for package in packages if "registry" in package["source"]]
    assert {urlsplit(url).hostname for url in [*registries, *(file["url"] for file in files)]} <= PUBLIC_HOSTS
