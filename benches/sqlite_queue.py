#!/usr/bin/env python3
"""Durable operations a second: spud's queue over its socket, and SQLite (WAL, synchronous=FULL) with the same work.

    benches/sqlite_queue.py PATH/TO/spud [operations] [writers]

Every operation has 200 bytes and is answered only when it is durable. SQLite is measured with one transaction an
operation (what separate requests cost it) and with 64 in one (what a group commit could reach without a server).
Both write to the same folder (TMPDIR), one after the other.
"""

import http.client
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

PAYLOAD = b"x" * 200
TOGETHER = 64


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("spud")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def written(pid):
    """Bytes that a process handed to the disk so far."""
    with open(f"/proc/{pid}/io") as file:
        return int(next(line for line in file if line.startswith("write_bytes")).split()[1])


def share(operations, writers, work):
    """Runs work(count) in `writers` threads; seconds."""
    parts = [operations // writers + (n < operations % writers) for n in range(writers)]
    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def spud(program, folder, operations, writers):
    path = os.path.join(folder, "spud.sock")
    daemon = subprocess.Popen([program, "--data", folder, "daemon"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    refused = []
    try:
        for _ in range(600):
            if os.path.exists(path):
                break
            time.sleep(0.05)

        def work(count):
            connection = Connection(path)
            for _ in range(count):
                connection.request("POST", "/v1/operations?kind=bench", PAYLOAD, {"Content-Type": "text/plain"})
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 201, 202):
                    refused.append(answer.status)

        before = written(daemon.pid)
        seconds = share(operations, writers, work)
        spent = written(daemon.pid) - before
    finally:
        daemon.terminate()
        daemon.wait()
    if refused:
        raise SystemExit(f"spud refused {len(refused)} operations, status {refused[0]}")
    return seconds, spent


def sqlite(folder, operations, writers, together):
    path = os.path.join(folder, "queue.db")
    setup = sqlite3.connect(path)
    setup.execute("PRAGMA journal_mode=WAL")
    setup.execute("CREATE TABLE operations (id INTEGER PRIMARY KEY, kind TEXT, at INTEGER, payload BLOB)")
    setup.close()

    def work(count):
        database = sqlite3.connect(path, timeout=60, isolation_level=None)
        database.execute("PRAGMA synchronous=FULL")
        done = 0
        while done < count:
            group = min(together, count - done)
            database.execute("BEGIN IMMEDIATE")
            for _ in range(group):
                database.execute(
                    "INSERT INTO operations (kind, at, payload) VALUES ('bench', ?, ?)", (time.time_ns(), PAYLOAD)
                )
            database.execute("COMMIT")
            done += group
        database.close()

    before = written("self")
    seconds = share(operations, writers, work)
    return seconds, written("self") - before


def main():
    program = sys.argv[1]
    operations = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    writers = int(sys.argv[3]) if len(sys.argv) > 3 else 32
    print(f"{operations} operations of {len(PAYLOAD)} bytes, {writers} writers")
    print("| | operations/s | ms each | KB written each |\n|---|---|---|---|")
    runs = [
        ("spud, group commit", lambda folder: spud(program, folder, operations, writers)),
        ("SQLite, a transaction each", lambda folder: sqlite(folder, operations, min(writers, 4), 1)),
        (f"SQLite, {TOGETHER} in a transaction", lambda folder: sqlite(folder, operations, 1, TOGETHER)),
        ("spud, one writer", lambda folder: spud(program, folder, operations // 8, 1)),
        ("SQLite, one writer", lambda folder: sqlite(folder, operations // 8, 1, 1)),
    ]
    for name, run in runs:
        count = operations // 8 if name.endswith("one writer") else operations
        with tempfile.TemporaryDirectory() as folder:
            seconds, spent = run(folder)
        print(f"| {name} | {count / seconds:.0f} | {seconds * 1000 / count:.2f} | {spent / 1024 / count:.1f} |")


if __name__ == "__main__":
    main()
