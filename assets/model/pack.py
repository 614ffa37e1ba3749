#!/usr/bin/env python3
"""Packs a model file of spud for the program: pack.py MODEL >PACKED, a minute or two.

The form is told in src/knowledge/packed_model.rs; this is its mirror, in its order, with its arithmetic: doubles,
one operation after the other (so no sum(), which newer versions of Python round better)."""
import json
import math
import struct
import sys

TRAILER = 40
PLACES = 1 << 20
WHOLE = (1 << 64) - 1
NEAR_KEPT, ALIKE, COSINE_LEAST, EXAMPLES = 12, 10, 64, 8


def sections(data):
    magic, table, count = struct.unpack("<8sQI", data[-TRAILER:][:20])
    assert magic == b"SPUDBLK1"
    entries = (struct.unpack("<4s4xQQ", data[table + at * 24:][:24]) for at in range(count))
    return {tag: data[start:start + length] for tag, start, length in entries}


class Bits:
    """The writing side of src/base/range_coder.rs and src/knowledge/known_bits.rs."""

    def __init__(self):
        self.low, self.range, self.held, self.behind, self.out = 0, 0xFFFFFFFF, None, 0, bytearray()
        self.forget()

    def forget(self):
        self.zero, self.seen = [1 << 15] * PLACES, [0] * PLACES

    def shift(self):
        if self.low < 0xFF000000 or self.low > 0xFFFFFFFF:
            carry = self.low >> 32
            if self.held is not None:
                self.out.append(self.held + carry & 0xFF)
            self.out += bytes([0xFF + carry & 0xFF]) * self.behind
            self.behind, self.held = 0, self.low >> 24 & 0xFF
        else:
            self.behind += 1
        self.low = (self.low & 0xFFFFFF) << 8

    def bit(self, bit, *contexts):
        zero = self.zero[contexts[0]]
        for context in contexts[1:]:
            seen = min(self.seen[context], 30)
            zero += (self.zero[context] - zero) * ((seen << 17) // (2 * seen + 5)) >> 16
        below = self.range * zero >> 16
        if bit:
            self.low += below
            self.range -= below
        else:
            self.range = below
        while self.range < 1 << 24:
            self.range <<= 8
            self.shift()
        goal = 0 if bit else 0xFFFF
        for context in contexts:
            zero, seen = self.zero[context], self.seen[context]
            zero += (goal - zero) * ((1 << 17) // (2 * seen + 3)) >> 16
            self.zero[context] = min(max(zero, 32), 0xFFFF - 32)
            self.seen[context] = min(seen + 1, 255)

    def tree(self, number, context, bits):
        node = 1
        for place in reversed(range(bits)):
            bit = number >> place & 1
            self.bit(bit, context + node)
            node = node << 1 | bit

    def number(self, number, context):
        length = (number + 1).bit_length() - 1
        for place in range(length):
            self.bit(1, context + place)
        self.bit(0, context + length)
        node = 1
        for place in reversed(range(length)):
            bit = number + 1 >> place & 1
            self.bit(bit, context + 32 + length * 8 + (node if node < 8 else 0))
            node = node << 1 | bit

    def finish(self):
        for _ in range(5):
            self.shift()
        return bytes(self.out) + bytes(8)  # who needs these reads behind the end


def hashed(context):
    return (context * 0x9E3779B97F4A7C15 & WHOLE) >> 44


def write_piece(bits, piece):
    before = 0
    for letter in piece + b"\n":
        node = 1
        for place in reversed(range(8)):
            contexts = (hashed((before & (1 << 8 * order) - 1) << 10 | order << 8 | node) for order in range(4))
            bit = letter >> place & 1
            bits.bit(bit, *contexts)
            node = node << 1 | bit
        before = before << 8 | letter


def alike(one, other):
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return 0 if same < 3 else 1 + (min(same, 8) - 3) * 8 + min(len(one) + len(other) - 2 * same, 7)


COUNTS, GAPS = 0, 28 * 512
COSINES = GAPS + 512
FLAGS = COSINES + 14 * 64
TIES = FLAGS + 54 * 64


def write_neighbours(bits, pieces, lists):
    def is_word(piece):
        return len(piece) > 2 and all(byte >= 128 or chr(byte).isalpha() for byte in piece)

    words = [row for row, piece in enumerate(pieces) if is_word(piece)]
    at = {row: place for place, row in enumerate(words)}
    alphabet = sorted(words, key=lambda row: pieces[row])
    places = {row: place for place, row in enumerate(alphabet)}
    edges = [{} for _ in pieces]
    for row, near in enumerate(lists):
        for other, cosine in near:
            assert edges[row].setdefault(other, cosine) == edges[other].setdefault(row, cosine) == cosine
    known = [{} for _ in pieces]
    for row in words:
        common, best, alikes = {}, {}, {}
        for middle, cosine in known[row].items():
            for other, further in known[middle].items():
                if other > row:
                    common[other] = common.get(other, 0) + 1
                    best[other] = max(best.get(other, 0), cosine + further - 152)
        place = places[row]
        for other in alphabet[max(place - ALIKE, 0):place + ALIKE + 1]:
            if other > row and alike(pieces[row], pieces[other]):
                alikes[other] = alike(pieces[row], pieces[other])
        later = sorted(other for other in edges[row] if other > row)
        likely = sorted(set(common) | set(alikes))
        for other in likely:
            sign = min(common.get(other, 0), 5) * 9 + min(best.get(other, 0) // 6, 8)
            bits.bit(int(other in edges[row]), FLAGS + sign * 64 + alikes.get(other, 0))
        others = [other for other in later if other not in common and other not in alikes]
        bits.number(len(others), COUNTS + (min(len(known[row]), 6) * 4 + min(len(later) - len(others), 3)) * 512)
        last = at[row]
        for other in others:
            bits.number(at[other] - last - 1, GAPS)
            last = at[other]
        for other in later:
            sign = min(common.get(other, 0), 1) * (1 + min(best.get(other, 0) // 8, 5)) * 2 + (other in alikes)
            bits.tree(edges[row][other] - COSINE_LEAST, COSINES + sign * 64, 6)
            known[row][other] = known[other][row] = edges[row][other]
    near = [sorted(edge.items(), key=lambda edge: (-edge[1], edge[0])) for edge in edges]
    for all_near, wanted in zip(near, lists):
        left = list(all_near)
        assert len(wanted) == min(len(left), NEAR_KEPT)
        for want in wanted:
            ties = [edge for edge in left if edge[1] == left[0][1]]
            for edge in ties[:-1]:
                bits.bit(int(edge != want), TIES)
                if edge == want:
                    break
            left.remove(want)
    return near


DEAD = 64 * 64 * 32
SCALES = DEAD + 1


class Table:
    def __init__(self, columns):
        self.columns, self.rows, self.lengths, self.variances = columns, [], [], [16.0] * columns
        self.live, self.common = 0.0, 5.0

    def expected(self, near):
        sums, known = [0.0] * self.columns, [(row, cosine) for row, cosine in near if row < len(self.rows)][:EXAMPLES]
        for other, cosine in known:
            cosine = cosine / 127.0
            weight = cosine * cosine * cosine / (1.05 - cosine * cosine) / max(self.lengths[other], 1.0)
            sums = [value + weight * float(known) for value, known in zip(sums, self.rows[other])]
        square = 0.0
        for value in sums:
            square += value * value
        length = math.sqrt(square)
        if length > 0.0:
            sums = [value / length for value in sums]
        return sums, 0.9 * (known[0][1] / 127.0) + 0.1 if known else 0.0

    def write(self, bits, row, scale, near):
        bits.bit(int(not any(row)), DEAD)
        square = 0.0
        if any(row):
            assert -16 <= min(row) and max(row) <= 15, "more levels than this form has"
            expected, sure = self.expected(near)
            loud = count = 8.0
            for at, value in enumerate(row):
                energy = loud / count
                mean = 45.0 * math.sqrt(energy) * sure * expected[at]
                spread = self.variances[at] * energy * (1.0 - sure * sure)
                spread = min(max((struct.unpack("<Q", struct.pack("<d", spread))[0] >> 50) - (1020 << 2), 0), 63)
                mean = min(max(math.floor(mean + 0.5) + 32, 0), 63)
                bits.tree(value + 16, (spread * 64 + mean) * 32, 5)
                value = float(value) * float(value)
                square += value
                loud += value / self.variances[at]
                count += 1.0
                self.variances[at] += (value / energy - self.variances[at]) / 1000.0
            self.live += 1.0
        length, weight = math.sqrt(square), self.live / (self.live + 972.0)
        guess = self.common * weight / length if length > 0.0 else 0.0
        guess = struct.unpack("<H", struct.pack("<e", struct.unpack("<f", struct.pack("<f", guess))[0]))[0]
        step = (scale - guess + 0x8000 & 0xFFFF) - 0x8000
        bits.number(step * 2 if step >= 0 else -step * 2 - 1, SCALES)
        if length > 0.0:
            seen = struct.unpack("<e", struct.pack("<H", scale))[0] * length / weight
            self.common += (seen - self.common) / 128.0
        self.rows.append(row)
        self.lengths.append(length)


def main(path):
    with open(path, "rb") as file:
        parts = sections(file.read())
    rows, columns = (json.loads(parts[b"meta"])[name] for name in ("rows", "columns"))
    numbers = {tag: struct.unpack(f"<{len(parts[tag]) // 4}I", parts[tag]) for tag in (b"offs", b"nrof", b"near")}
    spans = {tag: list(zip(numbers[tag], numbers[tag][1:])) for tag in (b"offs", b"nrof")}
    pieces = [parts[b"strs"][start:end] for start, end in spans[b"offs"]]
    lists = [[(near >> 7, near & 127) for near in numbers[b"near"][start:end]] for start, end in spans[b"nrof"]]
    scales = struct.unpack(f"<{rows}H", parts[b"scal"])
    bits = Bits()
    for piece in pieces:
        write_piece(bits, piece)
    bits.forget()
    near = write_neighbours(bits, pieces, lists)
    bits.forget()
    table = Table(columns)
    for row in range(rows):
        values = struct.unpack(f"<{columns}b", parts[b"rows"][row * columns:(row + 1) * columns])
        table.write(bits, values, scales[row], near[row])
    sys.stdout.buffer.write(struct.pack("<I", len(parts[b"meta"])) + parts[b"meta"] + bits.finish())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
