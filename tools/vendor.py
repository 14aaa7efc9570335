"""Write the libraries of the server's pages from npm packages: versions and digests are in each vendor/packages.json.

``npm pack`` brings each package from the registry that npm is configured for. A package whose digest differs from the
listed one is refused; without a listed digest, the file gets the digest of what came.
"""

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

SERVER = Path(__file__).parent.parent / "app" / "kedro_asgi" / "server"
FOLDERS = [SERVER / page / "static" / "vendor" for page in ("dashboard", "docs")]


def main() -> None:
    for vendor in FOLDERS:
        listed = vendor / "packages.json"
        packages = json.loads(listed.read_text(encoding="utf-8"))
        modules = {name: file for package in packages for name, file in package["modules"].items()}
        for package in packages:
            with tempfile.TemporaryDirectory() as folder:
                write_package(package, archive_of(package, Path(folder)), modules, vendor)
        listed.write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8")


def archive_of(package: dict, folder: Path) -> Path:
    """Return the package's archive, whose digest is as listed."""
    name = f"{package['name']}@{package['version']}"
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, name], check=True)
    (archive,) = folder.iterdir()
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if package.setdefault("integrity", digest) != digest:
        raise SystemExit(f"{name} has the digest {digest}, not {package['integrity']}.")
    return archive


def write_package(package: dict, archive: Path, modules: dict[str, str], vendor: Path) -> None:
    """Write the package's files; imports by package name become relative, since browsers know no package names."""
    with tarfile.open(archive) as tar:
        for source, target in package["files"].items():
            member = tar.extractfile(f"package/{source}")
            assert member is not None
            text = member.read().decode("utf-8")
            if package["modules"] and target.endswith(".js"):
                text = re.sub(r'(from\s*)"([^"]+)"', lambda found: f'{found[1]}"./{modules[found[2]]}"', text)
            text = re.sub(r"\n(//#|/\*#) sourceMappingURL=.*", "", text)
            (vendor / target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
