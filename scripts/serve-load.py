#!/usr/bin/env python3
"""The load figures of `gauntlet serve`, as ratios within one run, on loopback: scripts/serve-load.py [--binary B] [--language L] [--guests DIR] [--runs N]

Starts a service of its own, loads it, and writes a table in Markdown to standard output. What is compared was measured in the same run,
so that the machine's speed is not in the ratios; what else runs on it is. Exits with 1 if a bound does not hold.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

def program(service, language):
    """What the service offers as an example, for `wasm`; else the shortest program."""
    if language == "wasm":
        with urllib.request.urlopen(f"http://{service.host}:{service.port}/api/v1/languages") as answer:
            languages = json.load(answer)["languages"]
        return {"language": "wasm", "code": next(it["example"] for it in languages if it["id"] == "wasm")}
    return {"language": language, "code": "print(1)" if language == "python" else "console.log(1)"}


class Service:
    def __init__(self, binary, *more):
        self.binary = binary
        self.data = tempfile.mkdtemp(prefix="gauntlet-load-")
        # As root, workers run as somebody else, who has to get there.
        os.chmod(self.data, 0o755)
        self.more = more

    def admin(self, *arguments):
        done = subprocess.run([self.binary, "serve", *arguments, "--data", self.data], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def __enter__(self):
        arguments = ["serve", "--listen", "127.0.0.1:0", "--data", self.data, "--address-rate", "100000000", "--key-rate", "100000000", *self.more]
        self.process = subprocess.Popen([self.binary, *arguments], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if line.startswith("listening on http://"):
                host, port = line.split()[2].removeprefix("http://").rsplit(":", 1)
                self.host, self.port = host, int(port)
                return self
        raise SystemExit("the service ended")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        subprocess.run(["rm", "-rf", self.data], check=True)

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def durations(self):
        """Milliseconds from the start to the end of each run, as the audit log has them: what the executor itself takes."""
        with open(os.path.join(self.data, "audit.jsonl")) as log:
            lines = (json.loads(line) for line in log)
            return [line["duration"] / 1e6 for line in lines if line["kind"] == "end" and line.get("duration")]


class Client:
    """One connection that is kept."""

    def __init__(self, service, key=None):
        self.service, self.key, self.streams = service, key, None

    async def post(self, body):
        began = time.perf_counter()
        for attempt in range(2):
            if self.streams is None:
                self.streams = await asyncio.open_connection(self.service.host, self.service.port)
            reader, writer = self.streams
            data = json.dumps(body).encode()
            key = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
            head = f"POST /api/v1/execute HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{key}Content-Length: {len(data)}\r\n\r\n"
            try:
                writer.write(head.encode() + data)
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if attempt:
                    raise
        status = int(head.split(" ", 2)[1])
        length = int(next(line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length")))
        answer = json.loads(await reader.readexactly(length))
        return status, (time.perf_counter() - began) * 1000, answer

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None


async def ready(service, body, key=None):
    """Waits until the language's interpreter is compiled, as a new service has to."""
    client = Client(service, key)
    while (await client.post(body))[0] == 503:
        await asyncio.sleep(0.5)
    client.close()


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else float("nan")


async def several(service, count, clients, body, keys=(None,), pause=0.0):
    """So many requests by so many clients: latencies of what was accepted, and of what was turned away."""
    left, accepted, refused, other = count, [], [], []

    async def work(number):
        nonlocal left
        client = Client(service, keys[number % len(keys)])
        while left > 0:
            left -= 1
            status, time_ms, answer = await client.post(body)
            if status == 200:
                assert answer["exit_code"] == 0 and answer["stdout"].strip() in ("1", "hello"), answer
                accepted.append(time_ms)
            elif status in (429, 503):
                refused.append(time_ms)
                await asyncio.sleep(0)
            else:
                other.append(answer)
            if pause:
                await asyncio.sleep(pause)
        client.close()

    await asyncio.gather(*(work(number) for number in range(clients)))
    assert not other, other[:3]
    return accepted, refused


ROWS = []


def row(what, figure, bound, holds):
    ROWS.append((what, figure, bound, holds))
    print(f"{'ok  ' if holds else 'FAIL'} {what}: {figure} (bound: {bound})", file=sys.stderr)


async def main(args):
    guests = ["--guests", args.guests] if args.guests else []
    with Service(args.binary, "--queue", "64", "--concurrent", "1000", *guests) as service:
        body = program(service, args.language)
        await ready(service, body)
        await several(service, 20, 1, body)
        skip = len(service.durations())
        alone, _ = await several(service, 200, 1, body)
        inside = service.durations()[skip:]
        ratio = statistics.median(alone) / statistics.median(inside)
        row("one client: median over HTTP, to the median of the same runs in the executor", f"{statistics.median(alone):.1f} ms / {statistics.median(inside):.1f} ms = {ratio:.2f}", "3", ratio <= 3)
        # Half of what the lanes can do: one client on two lanes, that waits as long as a run takes, for each lane.
        lanes = os.cpu_count() or 1
        half, refused = await several(service, 400, max(1, lanes // 2), body)
        ratio = percentile(half, 99) / percentile(half, 50)
        row("half load: p99 to p50", f"{percentile(half, 99):.1f} ms / {percentile(half, 50):.1f} ms = {ratio:.2f}", "5", ratio <= 5)
        before = service.rss()
        began = time.perf_counter()
        await several(service, args.runs // 10, lanes, body)
        early = service.rss()
        await several(service, args.runs - args.runs // 10, lanes, body)
        late, took = service.rss(), time.perf_counter() - began
        row(f"memory of the service over {args.runs} runs, after a tenth of them and at the end", f"{early / 1024:.1f} MiB, {late / 1024:.1f} MiB ({args.runs / took:.0f} runs a second)", "growth under 10 % and 8 MiB", late - early <= max(8192, early * 0.1))

    with Service(args.binary, "--queue", "4", "--concurrent", "1000", *guests) as service:
        await ready(service, body)
        await several(service, 20, 1, body)
        lanes = os.cpu_count() or 1
        full, _ = await several(service, 300, lanes + 4, body)
        over, refused = await several(service, 1500, 2 * (lanes + 5), body)
        row("twice the capacity: turned away at once, p99", f"{percentile(refused, 99):.1f} ms over {len(refused)} answers", "50 ms", bool(refused) and percentile(refused, 99) <= 50)
        ratio = percentile(over, 50) / percentile(full, 50)
        row("twice the capacity: median of what is accepted, to that of a queue that is just full", f"{percentile(over, 50):.1f} ms / {percentile(full, 50):.1f} ms = {ratio:.2f}", "1.5", ratio <= 1.5)

    service = Service(args.binary, "--queue", "256", "--concurrent", "8", *guests)
    keys = [service.admin("keys", "create", "--tenant", f"tenant-{number}") for number in range(50)]
    hostile = service.admin("keys", "create", "--tenant", "hostile")
    with service:
        await ready(service, body, keys[0])
        await several(service, 20, 1, body, keys[:1])
        # Each tenant asks now and then, so that together they leave room.
        quiet, _ = await several(service, 1000, 50, body, keys, pause=args.pause)
        stop = asyncio.Event()
        flood = {"count": 0, "refused": 0}

        async def flooding():
            client = Client(service, hostile)
            while not stop.is_set():
                status, _, _ = await client.post(body)
                flood["count"] += 1
                if status != 200:
                    flood["refused"] += 1
                    # A client on the same machine that spins takes the processor from the service; it asks a thousand times a second.
                    await asyncio.sleep(0.016)
            client.close()

        floods = [asyncio.create_task(flooding()) for _ in range(16)]
        beside, refused = await several(service, 1000, 50, body, keys, pause=args.pause)
        stop.set()
        await asyncio.gather(*floods)
        ratio = percentile(beside, 99) / percentile(quiet, 99)
        row("50 tenants beside one that floods: their p99, to what it is without", f"{percentile(beside, 99):.1f} ms / {percentile(quiet, 99):.1f} ms = {ratio:.2f}; the flood sent {flood['count']}, of which {flood['refused']} were turned away; {len(refused)} of the others' were", "1.5", ratio <= 1.5 and not refused)

    print(f"`scripts/serve-load.py --language {args.language} --runs {args.runs}`, {time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}\n")
    print("| What | Figure | Bound | Holds |\n|---|---|---|---|")
    for what, figure, bound, holds in ROWS:
        print(f"| {what} | {figure} | {bound} | {'yes' if holds else '**no**'} |")
    return 0 if all(holds for *_, holds in ROWS) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/release/gauntlet")
    parser.add_argument("--language", default="wasm", choices=["wasm", "python", "javascript"])
    parser.add_argument("--guests", help="the folder of the language guests, if it is not the default one")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds that each of the 50 tenants waits between its requests")
    sys.exit(asyncio.run(main(parser.parse_args())))
