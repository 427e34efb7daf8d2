"""Ask the advisers many questions at the same time, and see how fluently they all answer.

    python -m bench.chats [--chats 200] [--rounds 3] [--env DIR]

Each chat is a whole one: context, prompt, hold, answer with marked figures, kept in its conversation. The
scripted provider says 50 words, one every 20 ms, so a chat takes a second at best.
"""

import argparse
import asyncio
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.streams import wait_for_key

ROOT = Path(__file__).resolve().parent.parent
PERSONAS = ("ceo", "cfo", "cmo", "cto")
QUESTION = "Where do we stand with 450 users? [[mock chunk_delay=0.02 words=50]]"
PROFILE = {
    "industry": "SaaS",
    "size": "small",
    "stage": "growth",
    "revenue": "$100k-$500k",
    "goals": ["Grow"],
}
FIGURES = {"asOf": "2026-11-20", "sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.5}


@dataclass
class Chat:
    """What one client saw, in seconds."""

    first_word_s: float = 0.0
    whole_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    is_complete: bool = False


async def chat(session: aiohttp.ClientSession, persona: str) -> Chat:
    """Ask, and read to the end."""
    seen, began = Chat(), time.perf_counter()
    last: float | None = None
    async with session.post(f"/c-suite/{persona}/chat", json={"message": QUESTION}) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if not line.startswith(b"data: "):
                continue
            said = json.loads(line[6:])
            if not said.get("content") and not said.get("done"):
                continue
            now = time.perf_counter()
            if said["done"]:
                seen.is_complete = "error" not in said and said["metadata"]["tokens"]["output"] > 0
            elif last is None:
                seen.first_word_s = now - began
            else:
                seen.gaps_s.append(now - last)
            last = now
    seen.whole_s = time.perf_counter() - began
    return seen


def share(values: list[float], part: float) -> float:
    """The value under which this part of the others lies, in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


async def measure(port: int, key: str, pid: int, chats: int, rounds: int) -> None:
    """Hold the rounds, and print what they came to."""
    headers = {"authorization": f"Bearer {key}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", headers=headers, connector=connector
    ) as session:
        await session.put("/api/business-context/profile", json=PROFILE)
        await session.post("/api/business-context/snapshots", json=FIGURES)
        await chat(session, "ceo")
        print(" chats  whole    first word p50/p99   gap p50/p99     chat p50/p99, ms   CPU s")
        for _ in range(rounds):
            used = cpu_s(pid)
            seen = await asyncio.gather(*(chat(session, PERSONAS[each % 4]) for each in range(chats)))
            gaps = [gap for each in seen for gap in each.gaps_s]
            first, whole = [each.first_word_s for each in seen], [each.whole_s for each in seen]
            print(
                f"{chats:>6} {sum(each.is_complete for each in seen):>6} "
                f"{share(first, 0.5):>14.0f} / {share(first, 0.99):<5.0f} "
                f"{share(gaps, 0.5):>8.1f} / {share(gaps, 0.99):<5.1f} "
                f"{share(whole, 0.5):>9.0f} / {share(whole, 0.99):<5.0f} {cpu_s(pid) - used:>7.2f}"
            )


def cpu_s(pid: int) -> float:
    """The processor time of a process until now."""
    said = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--chats", type=int, default=200, help="chats at the same time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=18090)
    parser.add_argument("--env", type=Path, default=ROOT / ".venv", help="the environment to serve from")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "OFFICIUM_DATA_DIR": folder,
            "OFFICIUM_MOCK": "true",
            "OFFICIUM_RATE_LIMIT_CHAT": "off",
            "LOG_LEVEL": "WARNING",
        }
        command = [str(asked.env / "bin" / "officium"), "serve", "--bootstrap", "--port", str(asked.port)]
        log = Path(folder) / "log"
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, env=environment)
        try:
            key = wait_for_key(log, asked.port)
            asyncio.run(measure(asked.port, key, server.pid, asked.chats, asked.rounds))
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    main()
