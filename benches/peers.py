#!/usr/bin/env python3
"""spud and its peers over the same passages, queries and vectors, one thread each, in one run.

    peers.py --spud SPUD --bench BENCH --corpus C.jsonl --queries Q.jsonl --work DIR [--results FILE]

SPUD is the program, BENCH the executable of `benches/search.rs`. Needs numpy, and of the peers whichever of
sqlite-vec, tantivy, faiss-cpu and usearch are installed. Prints a Markdown table.

The vectors are spud's own, dumped by BENCH. spud may cut a passage of the corpus in two, so that it searches
somewhat more chunks than the lexical peers; the dense peers search exactly spud's vectors.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time

import numpy as np

RESULTS = 10
FUSED = 50
# Rounds in which every query is timed.
ROUNDS = 3
# An exhaustive peer takes up to half a second a query at 1M.
PEER_QUERIES = 100
HNSW_MOST = 250_000


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, who, figure, value, unit, ratio=None):
        self.rows.append((what, who, figure, value, unit, ratio))
        print(f"{what}: {who} {figure} {value:.3f} {unit}", file=sys.stderr, flush=True)

    def markdown(self):
        lines = ["| what | who | figure | value | peer / spud |", "|---|---|---|---:|---:|"]
        for what, who, figure, value, unit, ratio in self.rows:
            against = "" if ratio is None else f"{ratio:.1f} x"
            lines.append(f"| {what} | {who} | {figure} | {value:.3f} {unit} | {against} |")
        return "\n".join(lines)


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def cpu(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def percentile(times, part):
    return float(np.percentile(np.array(times) * 1e3, part))


def timed(each, queries):
    """Every query once to warm up, then ROUNDS times, of which the best counts, as in search.rs; seconds."""
    for query in queries:
        each(query)
    times = [float("inf")] * len(queries)
    for _ in range(ROUNDS):
        for at, query in enumerate(queries):
            start = time.perf_counter()
            each(query)
            times[at] = min(times[at], time.perf_counter() - start)
    return times


def words(text):
    return re.findall(r"\w+", text)


def spud_build(args, table, passages):
    """`spud add` of the corpus: time, processor and memory of the whole pipeline."""
    data = os.path.join(args.work, "data")
    if os.path.exists(os.path.join(data, ".complete")):
        return data
    shutil.rmtree(data, ignore_errors=True)
    before, start = cpu(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [args.spud, "--data", data, "--socket", data + ".sock", "--tier", "full", "add", args.corpus]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    used, wall = cpu(resource.RUSAGE_CHILDREN) - before, time.perf_counter() - start
    open(os.path.join(data, ".complete"), "w").close()
    table.add("ingest, everything", "spud", f"processor, {passages} passages", used, "s")
    table.add("ingest, everything", "spud", "wall", wall, "s")
    table.add("ingest, everything", "spud", "JSON Lines read", os.path.getsize(args.corpus) / wall / 1e6, "MB/s")
    table.add("ingest, everything", "spud", "peak RSS", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3, "MB")
    return data


def run_bench(args, environment):
    done = subprocess.run([args.bench], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [(row[0], float(row[1]), row[2]) for row in rows if len(row) == 3]


def spud_lexical(args):
    """The lexical stages again, beside a peer: the machine may be another one by then."""
    environment = os.environ | {
        "SPUD_BENCH_DATA": os.path.join(args.work, "data"),
        "SPUD_BENCH_QUERIES": args.queries,
        "SPUD_BENCH_CORPUS": args.corpus,
        "SPUD_BENCH_ONLY": "lexical",
    }
    return {name: value for name, value, _ in run_bench(args, environment)}


def spud_search(args, data, table):
    environment = os.environ | {
        "SPUD_BENCH_DATA": data,
        "SPUD_BENCH_QUERIES": args.queries,
        "SPUD_BENCH_CORPUS": args.corpus,
    }
    figures = {}
    for name, value, unit in run_bench(args, environment):
        figures[name] = value
        table.add("search", "spud", name, value, unit)
    dumped = os.path.join(args.work, "vectors")
    subprocess.run([args.bench], env=environment | {"SPUD_BENCH_DUMP": dumped}, check=True, stdout=subprocess.DEVNULL)
    vectors = np.load(os.path.join(dumped, "vectors.npy"), mmap_mode="r")
    queries = np.load(os.path.join(dumped, "queries.npy"))
    return figures, vectors, queries


def exact_order(vectors, queries):
    """Scores of the best 10 of each query, exactly."""
    best = np.full((len(queries), RESULTS), -2.0, dtype=np.float32)
    for start in range(0, len(vectors), 100_000):
        scores = queries @ np.asarray(vectors[start : start + 100_000]).T
        both = np.concatenate([best, np.partition(scores, -RESULTS, axis=1)[:, -RESULTS:]], axis=1)
        best = np.sort(both, axis=1)[:, -RESULTS:]
    return best


def recall(found, vectors, queries, exact):
    """Share of the exact best 10; any of equally near vectors counts."""
    hit = 0
    for ids, query, best in zip(found, queries, exact):
        ids = np.unique([i for i in ids if 0 <= i < len(vectors)])
        hit += int((np.asarray(vectors[ids]) @ query >= best[0] - 1e-6).sum()) if len(ids) else 0
    return hit / exact.size


def sqlite_hybrid(args, table, ours, vectors, queries, texts):
    import sqlite_vec

    try:
        # Where Python's own was built without extensions.
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

    path = os.path.join(args.work, "peer.sqlite")
    if os.path.exists(path):
        os.unlink(path)
    database = sqlite3.connect(path)
    database.enable_load_extension(True)
    sqlite_vec.load(database)
    width = vectors.shape[1]
    database.execute("create virtual table words using fts5(title, text, tokenize='porter unicode61', content='')")
    database.execute(f"create virtual table near using vec0(v int8[{width}] distance_metric=cosine)")
    before = cpu(resource.RUSAGE_SELF)
    rows = ((at, p["title"], p["text"]) for at, p in enumerate(read_lines(args.corpus), 1))
    database.executemany("insert into words(rowid, title, text) values (?, ?, ?)", rows)
    database.commit()
    built = cpu(resource.RUSAGE_SELF) - before
    table.add("lexical build", "FTS5", "processor", built, "s")
    small = lambda rows: np.clip(np.rint(np.asarray(rows) * 127), -127, 127).astype(np.int8)
    for start in range(0, len(vectors), 50_000):
        part = small(vectors[start : start + 50_000])
        database.executemany(
            "insert into near(rowid, v) values (?, vec_int8(?))",
            ((start + at + 1, row.tobytes()) for at, row in enumerate(part)),
        )
    database.commit()
    found = {}

    def lexical(at):
        match = " OR ".join(f'"{word}"' for word in words(texts[at]))
        return database.execute(
            "select rowid from words where words match ? order by bm25(words, 2.0, 1.0) limit ?", (match, FUSED)
        ).fetchall()

    def dense(at):
        rows = database.execute(
            "select rowid from near where v match vec_int8(?) and k = ?", (small(queries[at]).tobytes(), FUSED)
        ).fetchall()
        found[at] = [row[0] - 1 for row in rows[:RESULTS]]
        return rows

    def hybrid(at):
        scores = {}
        for rows in (lexical(at), dense(at)):
            for rank, (row,) in enumerate(rows):
                scores[row] = scores.get(row, 0) + 1 / (60 + rank)
        return sorted(scores, key=scores.get, reverse=True)[:RESULTS]

    asked = range(min(args.peer_queries, len(texts)))
    for name, each, mine in (("FTS5 + sqlite-vec", hybrid, "hybrid"), ("FTS5", lexical, "lexical")):
        times = timed(each, asked)
        for part in (50, 99):
            value = percentile(times, part)
            table.add(mine, name, f"p{part}", value, "ms", value / ours[f"{mine} p{part}"])
    times = timed(dense, asked)
    table.add("dense", "sqlite-vec int8", "p50", percentile(times, 50), "ms")
    return [found[at] for at in asked]


def tantivy_lexical(args, table, texts):
    import tantivy

    folder = os.path.join(args.work, "peer.tantivy")
    builder = tantivy.SchemaBuilder()
    for field in ("title", "text"):
        builder.add_text_field(field, stored=False, tokenizer_name="en_stem")
    schema = builder.build()

    def build():
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        index = tantivy.Index(schema, path=folder)
        # What reading the JSON costs Python is not tantivy's.
        before = cpu(resource.RUSAGE_SELF)
        for _ in read_lines(args.corpus):
            pass
        parsing = cpu(resource.RUSAGE_SELF) - before
        before = cpu(resource.RUSAGE_SELF)
        writer = index.writer(heap_size=64 << 20, num_threads=1)
        for passage in read_lines(args.corpus):
            writer.add_document(tantivy.Document(title=passage["title"], text=passage["text"]))
        writer.commit()
        writer.wait_merging_threads()
        return index, cpu(resource.RUSAGE_SELF) - before - parsing

    # In turn, and the best round of each: a shared machine changes its pace from one minute to the next.
    built, times, ours = [], [float("inf")] * len(texts), {}
    for _ in range(ROUNDS):
        index, took = build()
        built.append(took)
        index.reload()
        searcher = index.searcher()

        def search(at):
            query = index.parse_query(" ".join(words(texts[at])).lower(), ["title", "text"])
            return searcher.search(query, RESULTS).hits

        times = [min(pair) for pair in zip(times, timed(search, range(len(texts))))]
        for name, value in spud_lexical(args).items():
            ours[name] = min(value, ours.get(name, value))
    for part in (50, 95, 99):
        for name in ("lexical", "lexical, no near words"):
            mine, value = ours[f"{name} p{part}"], percentile(times, part)
            table.add(name, "spud", f"p{part}, in turn", mine, "ms")
            table.add(name, "tantivy", f"p{part}, in turn", value, "ms", value / mine)
    table.add("lexical build", "spud", "processor, in turn", ours["lexical build"], "s")
    table.add("lexical build", "tantivy", "processor, in turn", min(built), "s", min(built) / ours["lexical build"])


def dense_peer(table, name, search, vectors, queries, exact, ours, asked):
    found = [search(queries[at]) for at in range(asked)]
    times = timed(lambda at: search(queries[at]), range(asked))
    value = percentile(times, 50)
    table.add("dense", name, "p50", value, "ms", value / ours["dense p50"])
    table.add("dense", name, "recall@10", recall(found, vectors, queries, exact), "")


def faiss_flat(args, table, ours, vectors, queries, exact):
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(np.ascontiguousarray(vectors[:100_000]))
    for start in range(0, len(vectors), 100_000):
        index.add(np.ascontiguousarray(vectors[start : start + 100_000]))
    search = lambda query: index.search(query[None, :], RESULTS)[1][0]
    dense_peer(table, "faiss flat SQ8", search, vectors, queries, exact, ours, len(exact))


def usearch_hnsw(args, table, ours, vectors, queries, exact):
    from usearch.index import Index

    if len(vectors) > HNSW_MOST:
        print(f"usearch is left out: its graph of {len(vectors)} takes too long to build", file=sys.stderr)
        return
    index = Index(ndim=vectors.shape[1], metric="cos", dtype="i8")
    start = time.perf_counter()
    index.add(np.arange(len(vectors)), np.ascontiguousarray(vectors), threads=2)
    table.add("dense build", "usearch i8", "wall, 2 threads", time.perf_counter() - start, "s")
    search = lambda query: index.search(query, RESULTS, threads=1).keys
    dense_peer(table, "usearch i8 HNSW", search, vectors, queries, exact, ours, len(exact))
    table.add("dense", "usearch i8 HNSW", "memory", index.memory_usage / 1e6, "MB")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("spud", "bench", "corpus", "queries", "work"):
        args.add_argument(f"--{name}", required=True)
    args.add_argument("--results")
    args.add_argument("--peer-queries", type=int, default=PEER_QUERIES)
    args = args.parse_args()
    os.makedirs(args.work, exist_ok=True)
    table = Table()
    with open(args.corpus, "rb") as corpus:
        passages = sum(1 for _ in corpus)
    data = spud_build(args, table, passages)
    ours, vectors, queries = spud_search(args, data, table)
    # The cheapest coarse stage that keeps 0.95 of the exact order, or the exact scan.
    good = [n for n in (250, 500, 1000, 2000, 4000, 8000, 16_000) if ours.get(f"dense {n} recall@10", 0) >= 0.95]
    ours["dense p50"] = min([ours[f"dense {n} p50"] for n in good] + [ours["dense exact p50"]])
    table.add("dense", "spud", "p50 at recall@10 >= 0.95", ours["dense p50"], "ms")
    texts = [query["text"] for query in read_lines(args.queries)]
    asked = min(args.peer_queries, len(texts))
    exact = exact_order(vectors, queries[:asked])

    def sqlite():
        found = sqlite_hybrid(args, table, ours, vectors, queries, texts)
        table.add("dense", "sqlite-vec int8", "recall@10", recall(found, vectors, queries, exact), "")

    peers = (
        sqlite,
        lambda: tantivy_lexical(args, table, texts),
        lambda: faiss_flat(args, table, ours, vectors, queries, exact),
        lambda: usearch_hnsw(args, table, ours, vectors, queries, exact),
    )
    for peer in peers:
        try:
            peer()
        except (ImportError, AttributeError) as missing:
            print(f"left out: {missing}", file=sys.stderr)
    print(table.markdown())
    if args.results:
        with open(args.results, "w", encoding="utf-8") as out:
            json.dump([dict(zip(("what", "who", "figure", "value", "unit", "ratio"), row)) for row in table.rows], out, indent=1)


if __name__ == "__main__":
    main()
