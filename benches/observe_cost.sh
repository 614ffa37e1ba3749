#!/usr/bin/env bash
# What it costs a box to watch itself: one daemon that records 500 series at 1 Hz, with every rule that comes with spud,
# beside one of the same build that records nothing, both asked the same by turns. Builds nothing.
#
#   observe_cost.sh SPUD WORKDIR [SECONDS [QUESTIONS]]
#
# Goals: 1 % of a core and 6 MB more, the 99th percentile of a question the same. With SPUD_BENCH (the executable of
# benches/observe.rs; `cargo bench --no-run --bench observe` names it) it tells what a count, a hundred rules and a
# dashboard of a day cost, too. Needs python3 and nothing besides. Prints one "figure<TAB>value<TAB>unit" a line.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
if [ -n "${SPUD_BENCH:-}" ]; then
    "$SPUD_BENCH" --bench
fi
exec python3 - "$@" <<'PYTHON'
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

spud, work = sys.argv[1:3]
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 120
questions = int(sys.argv[4]) if len(sys.argv) > 4 else 4000
SERIES, ROUNDS = 500, 20
folder = tempfile.mkdtemp(dir=work)


def figure(name, value, unit):
    print(f"{name}\t{value:.3f}\t{unit}", flush=True)


class Box:
    def __init__(self, name, interval):
        self.data = os.path.join(folder, name)
        os.makedirs(self.data)
        log = open(os.path.join(folder, name + ".log"), "wb")
        self.process = subprocess.Popen(
            [spud, "--data", self.data, "daemon", "--tier", "lite", "--set", f"metrics.interval_s={interval}",
             "--set", "metrics.series=2000"],
            stdout=log, stderr=log,
        )
        place = os.path.join(self.data, "spud.sock")
        for _ in range(600):
            self.link = socket.socket(socket.AF_UNIX)
            try:
                self.link.connect(place)
                break
            except OSError:
                time.sleep(0.1)
        self.stream = self.link.makefile("rb")

    def ask(self, method, path, body=b"", kind="application/json"):
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.link.sendall(head.encode() + body)
        status = int(self.stream.readline().split()[1])
        length = 0
        while (line := self.stream.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = self.stream.read(length)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]}")
        return answer

    def series(self):
        text = self.ask("GET", "/metrics").decode()
        return sum(1 for line in text.split("\n") if line and not line.startswith("#"))

    def push(self, count, turn):
        lines = ["# TYPE shelf_level gauge"]
        for n in range(count):
            lines.append(f'shelf_level{{shelf="{n % 100}",row="{n // 100}"}} {(turn * (n + 3)) % 997 / 10}')
        self.ask("POST", "/v1/metrics?job=shelves", ("\n".join(lines) + "\n").encode(), "text/plain")

    def processor(self):
        """Milliseconds of the processor that its threads have had, those that have ended included, as the kernel counts."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def memory(self):
        rows = dict(row.split(":", 1) for row in open(f"/proc/{self.process.pid}/status") if ":" in row)
        return {name: int(rows[name].split()[0]) / 1e3 for name in ("VmRSS", "RssAnon")}


def words():
    """Words of the documents that every box has, for questions that no cache knows."""
    found = set()
    corpus = json.loads(on.ask("GET", "/v1/documents?limit=200"))["items"]
    for document in corpus:
        passages = json.loads(on.ask("GET", f"/v1/documents/{document['id']}/passages"))["items"]
        for passage in passages:
            found.update(word.strip(".,;:()`'\"").lower() for word in passage.get("text", "").split())
    found = sorted(word for word in found if word.isalpha() and 3 < len(word) < 15)
    return found or ["queue", "backup", "mode", "search", "socket", "folder", "metric", "alert", "journal", "upstream"]


def asked(box, text):
    body = json.dumps({"q": text, "n": 10}).encode()
    begun = time.perf_counter()
    box.ask("POST", "/v1/search", body)
    return (time.perf_counter() - begun) * 1e3


on, off = Box("on", 1), Box("off", 0)
try:
    boxes = {"on": on, "off": off}
    time.sleep(3)
    missing = max(0, SERIES - on.series())
    for box in boxes.values():
        box.push(missing, 0)
    time.sleep(10)
    figure("series", on.series() + missing, "")
    before = {name: box.processor() for name, box in boxes.items()}
    begun = time.time()
    turn = 0
    while time.time() - begun < seconds:
        time.sleep(10)
        turn += 1
        for box in boxes.values():
            box.push(missing, turn)
    spent = time.time() - begun
    took = {name: (box.processor() - before[name]) / (spent * 1e3) * 100 for name, box in boxes.items()}
    for name in boxes:
        figure(f"watching {name}: processor", took[name], "% of one core")
    figure("what watching costs: processor", took["on"] - took["off"], "% of one core")
    memory = {name: box.memory() for name, box in boxes.items()}
    for kind, what in (("VmRSS", "resident"), ("RssAnon", "anonymous")):
        for name in boxes:
            figure(f"watching {name}: {what} memory", memory[name][kind], "MB")
        figure(f"what watching costs: {what} memory", memory["on"][kind] - memory["off"][kind], "MB")
    dice, known = random.Random(1), words()
    times = {name: [] for name in boxes}
    pairs = []
    for round in range(ROUNDS):
        texts = [" ".join(dice.sample(known, 3)) for _ in range(max(1, questions // ROUNDS))]
        order = list(boxes) if round % 2 == 0 else list(boxes)[::-1]
        p99 = {}
        for name in order:
            all = [asked(boxes[name], text) for text in texts]
            times[name] += all
            p99[name] = sorted(all)[int(len(all) * 0.99)]
        pairs.append(p99["on"] - p99["off"])
    for name, all in times.items():
        all.sort()
        figure(f"watching {name}: a question, p50", all[len(all) // 2], "ms")
        figure(f"watching {name}: a question, p99", all[int(len(all) * 0.99)], "ms")
    pairs.sort()
    figure("p99 with watching less p99 without, by pairs: median", pairs[len(pairs) // 2], "ms")
    figure("the same: quarter below", pairs[len(pairs) // 4], "ms")
    figure("the same: quarter above", pairs[len(pairs) * 3 // 4], "ms")
finally:
    for box in (on, off):
        box.process.kill()
        box.process.wait()
    shutil.rmtree(folder, ignore_errors=True)
PYTHON
