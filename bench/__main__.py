"""Measure the gateway beside its peers and write the table to bench/RESULTS.md. See bench/README.md."""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ("litellm", "portkey", "tensorzero")


def main() -> int:
    """Run the harness; its exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="targets (default: direct, officium and the peers found)")
    parser.add_argument("--harness", type=Path, default=ROOT.parent / "shared" / "bench" / "peers")
    parser.add_argument(
        "--peers", type=Path, help="folder of the peers' environments; without it, none of them"
    )
    parser.add_argument("--env", type=Path, default=ROOT / ".venv", help="environment that holds Officium")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter with uvloop, for load and upstream"
    )
    parser.add_argument("--seconds", default="10")
    parser.add_argument("--prefix", default="", help="before all commands, such as 'chrt -r 1'")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    if not (options.harness / "bench.py").exists():
        print(f"There is no harness in {options.harness}; name its folder with --harness.", file=sys.stderr)
        return 2
    work = ROOT / "build" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    targets = work / "targets.toml"
    targets.write_text(
        (options.harness / "targets.toml").read_text() + "\n" + (HERE / "targets.toml").read_text()
    )
    peers = [name for name in PEERS if options.peers and (options.peers / name).exists()]
    names = options.names or ["direct", "officium", *peers]
    command = [options.python, str(options.harness / "bench.py"), *names, "--targets", str(targets)]
    command += ["--var", f"officium={options.env.absolute()}", "--seconds", options.seconds]
    if options.peers:
        command += ["--var", f"peers={options.peers}", "--var", f"litellm={options.peers / 'litellm'}"]
    if options.prefix:
        command += ["--prefix", options.prefix]
    command += ["--work", str(work / "work"), "--out", str(work / "results.json")]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=work)
    print(done.stdout)
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    if table and not options.no_write:
        write_results(table)
    return done.returncode


def write_results(table: list[str]) -> None:
    """Write the table, with where and how it was measured."""
    text = (HERE / "RESULTS.template.md").read_text()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    filled = text.format(date=datetime.now(UTC).date(), machine=machine, table="\n".join(table))
    (HERE / "RESULTS.md").write_text(filled)


if __name__ == "__main__":
    sys.exit(main())
