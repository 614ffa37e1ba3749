#!/usr/bin/env bash
# The daemon and the terminal interface, measured from outside. Builds nothing.
#
#   daemon.sh SPUD DATA CORPUS.jsonl QUERIES.jsonl WORKDIR
#
# SPUD is the program, DATA a data folder that it made (it is only read and cached in), WORKDIR gets scratch
# folders. Prints one "figure<TAB>value<TAB>unit" a line. Needs python3 and nothing besides.
set -euo pipefail
if [ $# -ne 5 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
exec python3 - "$@" <<'PYTHON'
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

spud, data, corpus, queries, work = sys.argv[1:]
TEXT_BYTES = 50_000_000
STARTS = 20
scratch = tempfile.mkdtemp(dir=work)
questions = [json.loads(line)["text"] for line in open(queries, encoding="utf-8")]


def figure(name, value, unit):
    print(f"{name}\t{value:.3f}\t{unit}", flush=True)


def body(text):
    sent = json.dumps({"q": text, "n": 10}).encode()
    head = f"POST /v1/ask HTTP/1.1\r\nhost: spud\r\ncontent-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
    return head.encode() + sent


def ask(link, request):
    """One request on a connection that stays open; the status."""
    link.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        part = link.recv(65536)
        if not part:
            raise ConnectionError("the daemon closed the connection")
        got += part
    head, rest = got.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(rest) < length:
        rest += link.recv(65536)
    return int(head.split(b" ", 2)[1])


def connect(path):
    deadline = time.perf_counter() + 30
    while time.perf_counter() < deadline:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(path)
            return link
        except OSError:
            link.close()
            time.sleep(0.0005)
    sys.exit(f"no daemon at {path}")


class Daemon:
    def __init__(self, folder, tier):
        self.path = os.path.join(scratch, "spud.sock")
        environment = os.environ | {"SPUD_TIER": tier}
        self.process = subprocess.Popen(
            [spud, "--data", folder, "--socket", self.path, "daemon"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def status(self):
        found = {}
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            for line in open(f"/proc/{self.process.pid}/task/{task}/status"):
                key, _, value = line.partition(":")
                if key in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"):
                    found[key] = found.get(key, 0) + int(value)
        for line in open(f"/proc/{self.process.pid}/status"):
            key, _, value = line.partition(":")
            if key in ("VmRSS", "VmHWM", "RssAnon"):
                found[key] = int(value.split()[0]) / 1000
        return found

    def stop(self):
        start = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        if code != 0:
            print(f"the daemon ended with {code}", file=sys.stderr)
        return time.perf_counter() - start


def first_answers():
    times, stops = [], []
    for at in range(STARTS + 1):
        start = time.perf_counter()
        daemon = Daemon(data, "full")
        link = connect(daemon.path)
        # A question nobody asked before, so that no cache answers.
        assert ask(link, body(f"{questions[at % len(questions)]} {time.time_ns()}")) == 200
        times.append(time.perf_counter() - start)
        link.close()
        stops.append(daemon.stop())
    figure("daemon start to first answer, median", statistics.median(times[1:]) * 1e3, "ms")
    figure("daemon start to first answer, worst", max(times[1:]) * 1e3, "ms")
    figure("daemon stop, median", statistics.median(stops) * 1e3, "ms")


def answering(tier):
    daemon = Daemon(data, tier)
    link = connect(daemon.path)
    request = body(questions[0])
    ask(link, request)
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        ask(link, request)
        times.append(time.perf_counter() - start)
    figure(f"l1 hit through the socket, median ({tier})", statistics.median(times) * 1e6, "us")
    figure(f"l1 hit through the socket, p99 ({tier})", sorted(times)[1980] * 1e6, "us")
    fresh = []
    for at, text in enumerate(questions):
        request = body(f"{text} {at}")
        start = time.perf_counter()
        ask(link, request)
        fresh.append(time.perf_counter() - start)
    figure(f"uncached answer through the socket, median ({tier})", statistics.median(fresh) * 1e3, "ms")
    now = daemon.status()
    figure(f"RSS while answering ({tier})", now["VmRSS"], "MB")
    figure(f"RSS peak while answering ({tier})", now["VmHWM"], "MB")
    figure(f"anonymous memory while answering ({tier})", now["RssAnon"], "MB")
    daemon.stop()


def idle():
    daemon = Daemon(os.path.join(scratch, "idle"), "ultra_lite")
    connect(daemon.path).close()
    time.sleep(3)
    before = daemon.status()
    time.sleep(10)
    after = daemon.status()
    figure("idle RSS (ultra_lite)", after["VmRSS"], "MB")
    figure("idle anonymous memory (ultra_lite)", after["RssAnon"], "MB")
    figure("idle wakeups a second", (after["voluntary_ctxt_switches"] - before["voluntary_ctxt_switches"]) / 10, "")
    daemon.stop()


def text_files():
    """The corpus as plain text files of 100 KB."""
    folder = os.path.join(scratch, "text")
    os.mkdir(folder)
    total, out = 0, None
    for line in open(corpus, encoding="utf-8"):
        passage = json.loads(line)
        text = f"{passage['title']}\n\n{passage['text']}\n\n".encode()
        if out is None or out.tell() > 100_000:
            out = out and out.close()
            out = open(os.path.join(folder, f"{total:09}.txt"), "wb")
        out.write(text)
        total += len(text)
        if total >= TEXT_BYTES:
            break
    out.close()
    return folder, total


def ingest(tier, folder, total):
    """The fastest of three runs: neighbours on the same machine only ever add."""
    runs = [ingest_once(tier, folder) for _ in range(3)]
    wall, cpu, peak = (min(run[at] for run in runs) for at in range(3))
    figure(f"plain text ingest on one core ({tier})", total / wall / 1e6, "MB/s")
    figure(f"plain text ingest, processor ({tier})", cpu / total * 1e9, "s/GB")
    figure(f"RSS peak while ingesting ({tier})", peak, "MB")


def ingest_once(tier, folder):
    into = os.path.join(scratch, f"ingest-{tier}")
    # The built-in handbook first, so that it does not count.
    command = [spud, "--data", into, "--socket", into + ".sock", "--tier", tier]
    subprocess.run([*command, "status"], check=True, stdout=subprocess.DEVNULL)
    start = time.perf_counter()
    one = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    process = subprocess.Popen([*one, *command, "add", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if code != 0:
        print(f"ingest on {tier} ended with {code}", file=sys.stderr)
    shutil.rmtree(into, ignore_errors=True)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def first_frame(daemon_runs):
    times, sizes = [], []
    for _ in range(10):
        start = time.perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLUMNS="80", LINES="24")
            time.sleep(0.01)  # until the parent has set the size
            path = os.path.join(scratch, "spud.sock" if daemon_runs else "none.sock")
            os.execv(spud, [spud, "--data", data, "--socket", path])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        got, frame = b"", None
        while time.perf_counter() - start < 5:
            if not select.select([terminal], [], [], 0.3)[0]:
                if frame:
                    break
                continue
            try:
                got += os.read(terminal, 65536)
            except OSError:
                break
            if frame is None and b"Ask" in got:
                frame = time.perf_counter() - start - 0.01
        sizes.append(len(got))
        if frame:
            times.append(frame)
        try:
            os.write(terminal, b"q\x03")
            time.sleep(0.05)
        except OSError:
            pass
        os.close(terminal)
        deadline = time.perf_counter() + 2
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.perf_counter() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                break
            time.sleep(0.01)
    name = "with a daemon" if daemon_runs else "alone"
    if times:
        figure(f"TUI start to first frame, median ({name})", statistics.median(times) * 1e3, "ms")
        figure(f"TUI bytes of the start at 80x24 ({name})", statistics.median(sizes), "")
    else:
        print(f"TUI {name}: no frame came", file=sys.stderr)


try:
    first_answers()
    for tier in ("ultra_lite", "full"):
        answering(tier)
    idle()
    daemon = Daemon(data, "full")
    connect(daemon.path).close()
    first_frame(True)
    daemon.stop()
    first_frame(False)
    folder, total = text_files()
    for tier in ("ultra_lite", "full"):
        ingest(tier, folder, total)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
PYTHON
