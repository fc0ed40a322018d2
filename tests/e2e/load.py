"""A load generator: GETs at a steady rate, each on a connection of its own, until its input ends.

`python load.py HOST PORT RATE` prints one JSON object: `sent`, `failed` (the first few reasons),
`answers` (how often each first line of a body came) and the slowest answer in seconds. It sends at its rate
whether answers come or not, as many people do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

TIMEOUT_SECONDS = 5.0


async def main(host: str, port: int, rate: float) -> dict[str, Any]:
    answers: Counter[str] = Counter()
    failures: list[str] = []
    slowest = [0.0]
    began = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        await asyncio.sleep(max(0.0, began + len(tasks) / rate - time.monotonic()))
        tasks.append(asyncio.create_task(_once(host, port, answers, failures, slowest, began)))
    await asyncio.gather(*tasks)
    return {
        "sent": len(tasks),
        "failed": len(failures),
        "reasons": failures[:5],
        "answers": dict(answers),
        "slowest": round(slowest[0], 3),
    }


async def _once(
    host: str, port: int, answers: Counter[str], failures: list[str], slowest: list[float], began: float
) -> None:
    start = time.monotonic()
    try:
        body = await asyncio.wait_for(_get(host, port), TIMEOUT_SECONDS)
        answers[body.split("\n")[0][:60]] += 1
    except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        failures.append(f"{start - began:.3f}s: {type(error).__name__}: {error}")
    slowest[0] = max(slowest[0], time.monotonic() - start)


async def _get(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
            raise ValueError(f"answered {head[:40]!r}")
        return body.decode()
    finally:
        writer.close()


if __name__ == "__main__":
    found = asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    json.dump(found, sys.stdout)
