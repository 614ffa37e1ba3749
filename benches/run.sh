#!/usr/bin/env bash
# Every figure in one run: run.sh SPUD WORKDIR [--million]
#
# SPUD is a release build of the program. WORKDIR holds c100k.jsonl (with --million also c1m.jsonl) and
# queries.jsonl, made by benches/corpus.py; data folders, peers' indexes and results go there, too.
# SPUD_BENCH names the executable of benches/search.rs; without it `cargo bench --no-run` makes it.
# PYTHON names a python3 that has numpy and the peers: sqlite-vec tantivy faiss-cpu usearch
# (and pysqlite3-binary, where Python's own sqlite3 loads no extensions).
# SIZES overrides the sizes (names of corpora in WORKDIR, such as "c5k").
#
# Prints Markdown; the same goes to WORKDIR/results.md, and the figures to WORKDIR/results-SIZE.json.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
spud=$(realpath "$1")
work=$(realpath "$2")
sizes=${SIZES:-c100k}
[ "${3:-}" = --million ] && sizes="$sizes c1m"
python=${PYTHON:-python3}
bench=${SPUD_BENCH:-}
if [ -z "$bench" ]; then
    built=$(cd "$here/.." && cargo bench --no-run --bench search --message-format=json 2>/dev/null)
    bench=$(printf '%s\n' "$built" | sed -n 's/.*"name":"search".*"executable":"\([^"]*\)".*/\1/p' | tail -1)
fi
report() {
    local cpu
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
    printf '# Figures\n\n%s; %s, %s cores; %s; load %s\n' \
        "$("$spud" --version)" "${cpu:-$(uname -m)}" "$(nproc)" "$(date -u +%F)" "$(cut -d' ' -f1 /proc/loadavg)"
    for size in $sizes; do
        printf '\n## Search: %s\n\n' "$size"
        # A data folder of another build would measure that build's files.
        rm -rf "${work:?}/$size"
        "$python" "$here/peers.py" --spud "$spud" --bench "$bench" --corpus "$work/$size.jsonl" \
            --queries "$work/queries.jsonl" --work "$work/$size" --results "$work/results-$size.json"
    done
    local first=${sizes%% *}
    printf '\n## Daemon and terminal over %s\n\n| figure | value |\n|---|---:|\n' "$first"
    "$here/daemon.sh" "$spud" "$work/$first/data" "$work/$first.jsonl" "$work/queries.jsonl" "$work" |
        awk -F'\t' '{ printf "| %s | %s %s |\n", $1, $2, $3 }'
}
report | tee "$work/results.md"
