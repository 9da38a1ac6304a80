"""What a process and the server have used, read from /proc and from the server's own counters."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat behind the command's name: [1] is the parent, [11:15] are the CPU times."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def cpu_seconds(pid):
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK


def family_cpu_seconds(parent):
    """CPU of a process, of its living children and of those that it has buried: a PostgreSQL server as a whole."""
    while True:
        before = _stat(parent)
        ticks = sum(int(field) for field in before[11:15])
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                child = _stat(entry)
            except OSError:
                continue
            if child[1] == str(parent):
                ticks += int(child[11]) + int(child[12])
        # A child that was buried meanwhile would count twice or not at all.
        if _stat(parent)[13:15] == before[13:15]:
            return ticks / _TICK


def _status(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def resident_mb(pid):
    return _status(pid, "VmRSS") / 1024


def peak_resident_mb(pid):
    return _status(pid, "VmHWM") / 1024


def context_switches(pid):
    """Of all threads: how often the process went to sleep by itself, which is how often it woke up."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += _status(f"{pid}/task/{task}", "voluntary_ctxt_switches")
    return total


@dataclass
class ServerMark:
    """The server's counters at one moment; the difference of two is what happened between."""
    cpu_seconds: float
    wal_bytes: int
    commits: int

    @staticmethod
    def take(server, connection):
        wal, commits = connection.query(
            "SELECT pg_stat_force_next_flush(); "
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), "
            "(SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())")[0]
        return ServerMark(family_cpu_seconds(server.process.pid), int(wal), int(commits))

    def since(self, earlier):
        return ServerMark(self.cpu_seconds - earlier.cpu_seconds, self.wal_bytes - earlier.wal_bytes,
                          self.commits - earlier.commits)


def per_job(count, seconds, worker, used, commits):
    """What every measurement of work gives. `used`: the server's marks over the work; commits are counted until the worker
    has left, because a session reports them late."""
    return {"jobs_per_second": count / seconds, "worker_cpu_us": worker.cpu / count * 1e6,
            "server_cpu_us": used.cpu_seconds / count * 1e6, "wal_bytes": used.wal_bytes / count,
            "commits": commits / count, "peak_rss_mb": worker.peak_mb}


def dead_tuples(connection, table):
    """Row versions that wait for vacuum in a table, or in a schema's tables, when its work is over."""
    schema, _, name = table.rpartition(".")
    which = f"schemaname = '{schema}' AND relname = '{name}'" if schema else \
        f"schemaname = '{table}' OR schemaname = 'public' AND relname = '{table}'"
    return int(connection.value(f"SELECT pg_stat_clear_snapshot(); SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE {which}"))
