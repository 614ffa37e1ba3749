#!/usr/bin/env bash
# What it costs to watch one machine: spud against node_exporter with Prometheus and Alertmanager, all at once, the same
# exporter asked as often by both. Builds nothing.
#
#   observe.sh SPUD WORKDIR [MINUTES]
#
# Needs Debian's prometheus, prometheus-node-exporter and prometheus-alertmanager, and python3.
# Prints one "figure<TAB>value<TAB>unit" a line: resident memory at the end (proportional, as the kernel counts it),
# processor time, and bytes on disk with the samples they hold. Prometheus keeps two hours in its log before it makes a
# block: `tsdb` is asked to make one at the end, so that both are counted as they lie for good.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
exec python3 - "$@" <<'PYTHON'
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

spud, work = sys.argv[1:3]
minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 10
EVERY = 5
folder = tempfile.mkdtemp(dir=work)
place = lambda *parts: os.path.join(folder, *parts)
exporter, store, alerts = 19100, 19090, 19093


def figure(name, value, unit):
    print(f"{name}\t{value:.3f}\t{unit}", flush=True)


def begin(*command, **more):
    out = open(place(os.path.basename(command[0]) + ".log"), "wb")
    return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **more)


def memory(process):
    rows = open(f"/proc/{process.pid}/smaps_rollup").read().split("\n")
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1e3


def processor(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size(path):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)


def ask(port, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    return urllib.request.urlopen(request, timeout=60).read()


def asked(query):
    answer = ask(store, "/api/v1/query?query=" + urllib.request.quote(query))
    result = json.loads(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def own(metric):
    """The sum of a metric of spud's, as its daemon tells it."""
    told = subprocess.run(
        [spud, "metric", "query", "--socket", place("spud.sock"), "--json", f"sum({metric})"],
        capture_output=True, text=True, check=True,
    )
    return float(json.loads(told.stdout)["result"][0]["value"][1])


with open(place("prometheus.yml"), "w") as out:
    out.write(
        f"global: {{scrape_interval: {EVERY}s, evaluation_interval: {EVERY}s}}\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]}}]}}\n"
        f"scrape_configs: [{{job_name: node, static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]}}]\n"
    )
with open(place("alertmanager.yml"), "w") as out:
    out.write("route: {receiver: none}\nreceivers: [{name: none}]\n")
os.makedirs(place("data", "config", "probes"))
with open(place("data", "config", "probes", "site.toml"), "w") as out:
    out.write(f'[[scrape]]\nname = "node"\nurl = "http://127.0.0.1:{exporter}/metrics"\ninterval = "{EVERY}s"\n')
peers = {
    "node_exporter": begin("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{exporter}"),
    "prometheus": begin(
        "prometheus", f"--config.file={place('prometheus.yml')}", f"--storage.tsdb.path={place('tsdb')}",
        f"--web.listen-address=127.0.0.1:{store}", "--web.enable-admin-api", cwd=folder,
    ),
    "alertmanager": begin(
        "prometheus-alertmanager", f"--config.file={place('alertmanager.yml')}", f"--storage.path={place('alerts')}",
        f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address=",
    ),
}
ours = begin(
    spud, "daemon", "--data", place("data"), "--socket", place("spud.sock"), "--tier", "lite",
    "--set", "metrics.series=8000",
)
try:
    time.sleep(15)
    before = {name: processor(process) for name, process in peers.items()} | {"spud": processor(ours)}
    time.sleep(minutes * 60)
    rows = list(peers.items()) + [("spud", ours)]
    for name, process in rows:
        figure(f"{name}: memory", memory(process), "MB")
        figure(f"{name}: processor", (processor(process) - before[name]) / (minutes * 60) * 100, "% of one core")
    together = sum(memory(process) for name, process in peers.items())
    figure("all three: memory", together, "MB")
    # What was scraped, and the five that Prometheus adds to each scrape.
    samples = asked("sum(sum_over_time(scrape_samples_scraped[1d])) + 5 * sum(count_over_time(up[1d]))")
    snapshot = json.loads(ask(store, "/api/v1/admin/tsdb/snapshot", "POST"))["data"]["name"]
    figure("prometheus: samples", samples, "")
    figure("prometheus: log on disk", size(place("tsdb", "wal")) / samples, "bytes a sample")
    figure("prometheus: as a block", size(place("tsdb", "snapshots", snapshot)) / samples, "bytes a sample")
    samples, held = own("spud_telemetry_samples_total"), own("spud_telemetry_bytes")
    figure("spud: samples", samples, "")
    figure("spud: on disk", held / samples, "bytes a sample")
finally:
    for process in [*peers.values(), ours]:
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)
PYTHON
