#!/usr/bin/env bash
# From a changed setting to its visible effect, measured from outside. Builds nothing.
#
#   config.sh SPUD WORKDIR [TIMES]
#
# Two ways: an edit over the API (checked, written, synced, kept in the history) and a file that is replaced (noticed
# by the kernel's watch). The effect is seen where it matters: in the limit that the mode machine goes by (/v1/mode).
# Prints one "figure<TAB>value<TAB>unit" a line. Needs python3 and nothing besides.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
exec python3 - "$@" <<'PYTHON'
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

spud, work = sys.argv[1:3]
times = int(sys.argv[3]) if len(sys.argv) > 3 else 200
data = tempfile.mkdtemp(dir=work)
door = os.path.join(data, "spud.sock")


class Link:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(door)
        self.reader = self.socket.makefile("rb")

    def ask(self, method, path, body=None):
        body = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        status = int(self.reader.readline().split()[1])
        length = 0
        while (line := self.reader.readline().strip()) != b"":
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(self.reader.read(length) or b"null")


def limit(link):
    axes = link.ask("GET", "/v1/mode")[1]["axes"]
    return next(axis for axis in axes if axis["axis"] == "latency")["readings"][0]["enter"]


def report(name, seconds):
    seconds.sort()
    for percent in (50, 95, 99):
        at = max(0, -(-len(seconds) * percent // 100) - 1)
        print(f"{name} p{percent}\t{seconds[at] * 1000:.2f}\tms", flush=True)


daemon = subprocess.Popen([spud, "--data", data, "daemon"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    end = time.monotonic() + 60
    while not os.path.exists(door):
        assert time.monotonic() < end, "the daemon did not start"
        time.sleep(0.05)
    link = Link()
    before = limit(link)
    taken = []
    for n in range(times):
        began = time.perf_counter()
        status, reply = link.ask("PUT", "/v1/config/modes.latency_target_ms", {"value": 1000 + 10 * n})
        assert status == 200, reply
        now = limit(link)
        taken.append(time.perf_counter() - began)
        assert now != before, (before, now)
        before = now
    report("edit over the API to effect", taken)
    path = os.path.join(data, "config", "spud.toml")
    taken = []
    for n in range(times):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(f"[modes]\nlatency_target_ms = {5000 + 10 * n}\n")
        began = time.perf_counter()
        os.rename(path + ".new", path)
        while (now := limit(link)) == before:
            assert time.perf_counter() - began < 30, "the change was never noticed"
        taken.append(time.perf_counter() - began)
        before = now
    report("replaced file to effect", taken)
finally:
    daemon.terminate()
    daemon.wait()
    shutil.rmtree(data)
PYTHON
