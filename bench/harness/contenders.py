"""Who is measured: a program that works on one table until it is told to stop, or until the table is done."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import tables, usage
from .libpq import DatabaseError


class Failure(Exception):
    """A measurement that did not come about: what went wrong, for people. The scenarios beside it are measured all the same."""


@dataclass(frozen=True)
class Contender:
    name: str
    table: str
    command: tuple
    what: str
    ends: bool = False               # it ends by itself when nothing is left
    environment: dict = field(default_factory=dict)

    def with_environment(self, name, **environment):
        return replace(self, name=name, environment={**self.environment, **environment})


class Worker:
    """A contender at work. Measures itself from /proc; its output goes to a log file."""

    def __init__(self, contender, url, log_directory):
        self.contender = contender
        self.log = self.log_of(contender, log_directory)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {"OIABD_DATABASE_URL": url, "DATABASE_URL": url} | contender.environment
        command = [part.replace("{url}", url) for part in contender.command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.pid = self.process.pid
        self.cpu = 0.0
        self.peak_mb = 0.0

    @staticmethod
    def log_of(contender, log_directory):
        return Path(log_directory) / f"{contender.name.replace(' ', '_')}.log"

    def running(self):
        return self.process.poll() is None

    def note_peak(self):
        """What the process has used at most; a process that is gone has no figure, and the last one stays."""
        self.peak_mb = usage.peak_resident_mb(self.pid) or self.peak_mb

    def wait_until_drained(self, connection, patience, last=None, among_others=False, since=None):
        """Returns when the contender has left, or when its table shows no unfinished job (`among_others`: no due one; `since`: none
        due from then on, where looking past what was finished before would take longer than the work).
        `last` is the job that is due last: until it is finished only its row is asked for, which costs next to nothing."""
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            self.note_peak()
            if self.contender.ends:
                # wait4 keeps the CPU times of what has already gone.
                pid, status, resources = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    self.process.returncode = os.waitstatus_to_exitcode(status)
                    self.cpu = resources.ru_utime + resources.ru_stime
                    if self.process.returncode != 0:
                        raise self.failure("ended with an error")
                    return
                time.sleep(0.002)
            else:
                if not self.running():
                    raise self.failure("ended before the work did")
                if last and tables.is_finished(connection, self.contender.table, last):
                    last = None
                if not last and not tables.has_due_work(connection, self.contender.table, among_others, since) and \
                        (among_others or since or tables.unfinished(connection, self.contender.table) == 0):
                    self.cpu = usage.cpu_seconds(self.pid)
                    return
                time.sleep(0.005)
        left = tables.unfinished(connection, self.contender.table)
        raise self.failure(f"had {left} jobs left after {patience} s")

    def wait_until_serving(self, server, patience=30):
        """Returns when the worker has run a job: what it does at its start is over then."""
        with server.connect() as connection:
            job = connection.value(f"INSERT INTO {self.contender.table} (kind) VALUES ('noop') RETURNING id")
            give_up = time.monotonic() + patience
            while time.monotonic() < give_up:
                status = connection.value(f"SELECT status FROM {self.contender.table} WHERE id = '{job}'")
                if status == "completed":
                    return
                if not self.running():
                    raise self.failure("ended at its start")
                time.sleep(0.02)
        raise self.failure(f"ran nothing in {patience} s")

    def failure(self, what):
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return Failure("\n".join([f"{self.contender.name} {what}; the end of its log {self.log}:", *lines]))

    def stop(self):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def find_contenders(build):
    """The ones that this tree builds."""
    programs = Path(build) / "bench"
    limit = Contender("LIMIT", "bench.plain_jobs", (str(programs / "bench_limit"), "--url", "{url}"),
                      "plain pattern in raw SQL, 2 connections, batch 500", ends=True)
    best = Contender("BEST", "jobs", (str(programs / "bench_best"), "--url", "{url}"),
                     "fastest raw SQL on the project's table, 2 connections, batch 1000", ends=True)
    statements = Contender("STATEMENTS", "jobs", (str(programs / "bench_statements"), "--url", "{url}"),
                           "the daemon's own claim and settle without the daemon, batch 1000", ends=True)
    floor = Contender("floor", "bench.plain_jobs", (str(programs / "bench_floor"), "--url", "{url}"),
                      "libpq LISTEN and claim")
    daemon = Path(build) / "oiabd"
    oiabd = Contender("oiabd", "jobs", (str(daemon),), "the daemon, default settings",
                      environment={"OIABD_DIAGNOSTICS": "1"})
    return {contender.name: contender for contender in (limit, best, statements, floor, oiabd)}


def prepare_database(server, build):
    """Makes the database with the project's own schema, as the daemon's migrator lays it, and LIMIT's table."""
    with server.connect("postgres") as connection:
        connection.query("CREATE DATABASE oiab")
    daemon = Path(build) / "oiabd"
    migrated = subprocess.run([daemon, "migrate"], env={"OIABD_DATABASE_URL": server.url(), "PATH": os.environ["PATH"]},
                              capture_output=True, text=True, check=False)
    if migrated.returncode != 0:
        raise SystemExit(f"oiabd migrate failed: {migrated.stderr.strip() or migrated.stdout.strip()}")
    with server.connect() as connection:
        connection.query(tables.PLAIN)
        try:
            connection.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        except DatabaseError as error:
            raise SystemExit(f"The scenario idle reads pg_stat_statements: {error}") from error


def reset_database(connection):
    """Leaves the state that every scenario expects, whatever became of the one before."""
    tables.empty(connection)
    connection.query("DELETE FROM job_pauses")
    connection.query("ALTER TABLE jobs ENABLE TRIGGER jobs_90_wake")
