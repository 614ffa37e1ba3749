#!/usr/bin/env python3
"""Packs a model file of spud for the program: pack.py MODEL >PACKED; the form is told in src/knowledge/packed_model.rs."""
import json
import struct
import sys

TRAILER = 40


def sections(data):
    magic, table, count = struct.unpack("<8sQI", data[-TRAILER:][:20])
    assert magic == b"SPUDBLK1"
    entries = (struct.unpack("<4s4xQQ", data[table + at * 24:][:24]) for at in range(count))
    return {tag: data[start:start + length] for tag, start, length in entries}


def lengths(offsets):
    numbers = struct.unpack(f"<{len(offsets) // 4}I", offsets)
    return bytes(after - before for before, after in zip(numbers, numbers[1:]))


def planes(values, width):
    return b"".join(values[plane::width] for plane in range(width))


def main(path):
    with open(path, "rb") as file:
        parts = sections(file.read())
    meta = json.loads(parts[b"meta"])
    sizes = (len(parts[b"meta"]), meta["rows"], meta["columns"], len(parts[b"strs"]), len(parts[b"near"]) // 4)
    out = [struct.pack("<5I", *sizes), parts[b"meta"], lengths(parts[b"offs"]), lengths(parts[b"nrof"])]
    out += [parts[b"strs"], planes(parts[b"scal"], 2), parts[b"rows"], planes(parts[b"near"], 4)]
    sys.stdout.buffer.write(b"".join(out))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
