"""Measures one client for the benchmark: a command a line in, an answer a line out.

A peer says how its client connects, how a session is reused, and how one query is
made on it. Everything else is here, so that all peers are measured alike. Every
call is checked for having done its work.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import sys
import time
from importlib import metadata

SQL = "SELECT id, name, price FROM products WHERE category_id = ? LIMIT 10"
TOOL = "query"
ARGUMENTS = {"sql": SQL, "parameters": [1]}
STUCK = 5.0


def check(answer):
    """Makes sure that a query did its work."""
    if not isinstance(answer, dict) or answer.get("row_count") != 10:
        raise RuntimeError(f"another answer than it should be: {str(answer)[:200]}")


def versions(*packages):
    return ", ".join(f"{name} {metadata.version(name)}" for name in packages)


class Peer:
    """A client, as its documentation would have it used."""

    packages = ()

    def __init__(self, url):
        self.url = url

    @contextlib.asynccontextmanager
    async def connected(self):
        """A session of its own: opened, and closed afterwards."""
        raise NotImplementedError
        yield

    @contextlib.asynccontextmanager
    async def reused(self):
        """What many calls run on: a session that is held open, or a pool."""
        async with self.connected() as session:
            yield session

    @contextlib.asynccontextmanager
    async def acquired(self, reused):
        """A session for one call, where there is a pool to take it from."""
        yield reused

    pools = False

    async def query(self, session):
        raise NotImplementedError


def resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def per_call(peer, count):
    took = []
    for _ in range(count):
        start = time.perf_counter_ns()
        async with peer.connected() as session:
            check(await peer.query(session))
        took.append(time.perf_counter_ns() - start)
    return {"ns": took}


async def acquire(peer, reused, count):
    if not peer.pools:
        return {"ns": []}
    took = []
    for _ in range(count):
        start = time.perf_counter_ns()
        async with peer.acquired(reused):
            took.append(time.perf_counter_ns() - start)
    return {"ns": took}


async def call(peer, reused, count):
    took = []
    for _ in range(count):
        start = time.perf_counter_ns()
        async with peer.acquired(reused) as session:
            check(await peer.query(session))
        took.append(time.perf_counter_ns() - start)
    return {"ns": took}


async def load(peer, reused, callers, seconds):
    """So many callers, each with one call after the other, for some time."""
    took, failures = [], []
    start = time.perf_counter_ns()
    end = start + int(seconds * 1e9)

    async def caller():
        while (begin := time.perf_counter_ns()) < end:
            try:
                async with peer.acquired(reused) as session:
                    check(await peer.query(session))
            except Exception as error:  # counted, and told
                failures.append(f"{type(error).__name__}: {error}")
                continue
            took.append(time.perf_counter_ns() - begin)

    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    _, stuck = await asyncio.wait(tasks, timeout=seconds + STUCK)
    lasted = time.perf_counter_ns() - start
    for task in stuck:
        task.cancel()
    if stuck:
        await asyncio.wait(stuck, timeout=STUCK)
        lasted = int(seconds * 1e9)
    return {
        "ns": took,
        "lasted": lasted,
        "failed": len(failures),
        "stuck": len(stuck),
        "first_failure": failures[0] if failures else None,
    }


async def memory(peer, count):
    """What so many open sessions take, each of which has been used."""
    async with contextlib.AsyncExitStack() as stack:

        async def hold():
            reused = await stack.enter_async_context(peer.reused())
            session = await stack.enter_async_context(peer.acquired(reused))
            check(await peer.query(session))

        # The first one loads what all of them need.
        await hold()
        gc.collect()
        before = resident()
        for _ in range(count):
            await hold()
        gc.collect()
        return {"bytes": max(resident() - before, 0), "count": count}


async def serve(peer):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with contextlib.AsyncExitStack() as stack:
        reused = None
        while line := await reader.readline():
            command = json.loads(line)
            what = command.pop("do")
            try:
                if what == "hello":
                    python = ".".join(map(str, sys.version_info[:3]))
                    answer = {"version": f"{versions(*peer.packages)}; Python {python}"}
                elif what == "open":
                    reused = await stack.enter_async_context(peer.reused())
                    answer = {}
                elif what in ("acquire", "call", "load"):
                    answer = await globals()[what](peer, reused, **command)
                else:
                    answer = await globals()[what](peer, **command)
            except Exception as error:  # the benchmark reports it
                answer = {"error": f"{type(error).__name__}: {error}"}
            sys.__stdout__.write(json.dumps(answer) + "\n")
            sys.__stdout__.flush()


def main(peer):
    logging.disable(logging.CRITICAL)
    # What a library prints must not be taken for an answer.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")
    asyncio.run(serve(peer(sys.argv[1])))
