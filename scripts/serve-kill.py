#!/usr/bin/env python3
"""Kills `gauntlet serve` in the middle of load and counts audit lines: scripts/serve-kill.py [--binary B] [--times N]

Each time, clients run programs as fast as they can; the service is killed with SIGKILL; and every run that a client was told of (an answer,
or the `start` of a stream) has to be in the audit log: its start in any case, its end where the client had the result. The next service on
the same data closes what was open as `lost`, so that at the end every start has one end. Exits with 1 if a line is missing.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time


def start(binary, data):
    arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--address-rate", "100000000", "--concurrent", "64"]
    process = subprocess.Popen([binary, *arguments], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("listening on http://"):
            return process, line.split()[2].removeprefix("http://")
    raise SystemExit("the service ended")


def client(address, body, told, done):
    """Runs programs until the service is gone. Every second one is streamed."""
    stream = False
    while True:
        stream = not stream
        try:
            connection = http.client.HTTPConnection(address, timeout=60)
            headers = {"Content-Type": "application/json"} | ({"Accept": "text/event-stream"} if stream else {})
            connection.request("POST", "/api/v1/execute", body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                answer.read()
                continue
            if not stream:
                run = json.loads(answer.read())["run"]
                told.add(run)
                done.add(run)
                continue
            event = None
            for line in answer:
                line = line.decode().strip()
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    if event == "start":
                        told.add(data["run"])
                    elif event == "result":
                        done.add(data["run"])
        except (OSError, http.client.HTTPException, ValueError):
            return


def lines(data):
    with open(os.path.join(data, "audit.jsonl"), encoding="utf-8") as log:
        whole = [line for line in log if line.endswith("\n")]
    return [json.loads(line) for line in whole]


def main(args):
    data = tempfile.mkdtemp(prefix="gauntlet-kill-")
    # As root, workers run as somebody else, who has to get there.
    os.chmod(data, 0o755)
    told, done, missing = set(), set(), 0
    try:
        for number in range(args.times):
            process, address = start(args.binary, data)
            connection = http.client.HTTPConnection(address)
            connection.request("GET", "/api/v1/languages")
            languages = json.loads(connection.getresponse().read())["languages"]
            body = json.dumps({"language": "wasm", "code": next(it["example"] for it in languages if it["id"] == "wasm")})
            threads = [threading.Thread(target=client, args=(address, body, told, done)) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.3, 1.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            for thread in threads:
                thread.join()
            found = lines(data)
            starts = {line["run"] for line in found if line["kind"] == "start"}
            ends = {line["run"] for line in found if line["kind"] == "end"}
            lost = (told - starts) | (done - ends)
            missing += len(lost)
            print(f"kill {number + 1}: clients were told of {len(told)} runs, {len(done)} of them to their end; {len(lost)} not in the log", file=sys.stderr)
        process, _ = start(args.binary, data)
        process.send_signal(signal.SIGTERM)
        process.wait()
        found = lines(data)
        starts = [line["run"] for line in found if line["kind"] == "start"]
        ends = [line["run"] for line in found if line["kind"] == "end"]
        recovered = sum(1 for line in found if line["kind"] == "end" and line["recovered"])
        fair = sorted(starts) == sorted(ends) and len(set(starts)) == len(starts)
        print(f"{args.times} kills, {len(told)} runs that clients were told of, {missing} lines missing; {len(starts)} starts and {len(ends)} ends in the log, {recovered} of them closed by a later service as lost")
        return 0 if missing == 0 and fair and done else 1
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/release/gauntlet")
    parser.add_argument("--times", type=int, default=10)
    sys.exit(main(parser.parse_args()))
