"""The private PostgreSQL that everything is measured on: durable settings, a unix socket, a fresh cluster each run."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

from .libpq import Connection, DatabaseError

# Durable, and otherwise PostgreSQL's defaults but for sizes: what a queue of this load would be given.
SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_directories": "'.'",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "'1GB'",
    "max_wal_size": "'8GB'",
    "min_wal_size": "'4GB'",  # WAL files are used again, so that later rounds do not differ from the first
    "max_connections": "200",
    "shared_preload_libraries": "'pg_stat_statements'",
    "pg_stat_statements.track": "'none'",  # on for the sessions of the scenarios that read it
}


def find_programs():
    named = os.environ.get("OIAB_PG_BINDIR")
    if named:
        return Path(named)
    for version in (18, 17, 16, 15):
        directory = Path(f"/usr/lib/postgresql/{version}/bin")
        if (directory / "postgres").exists():
            return directory
    raise SystemExit("No PostgreSQL server of version 15 to 18 is installed; ./dev setup installs one.")


class Server:
    """PostgreSQL refuses to run as root: for root it runs as `postgres`, who reaches the data directory through a
    descriptor that root opened, wherever the working tree is."""

    def __init__(self, directory):
        self.programs = find_programs()
        self.data = Path(directory) / "data"
        self.log = Path(directory) / "server.log"
        self.process = None
        self.descriptor = None
        self.lock = None

    def __enter__(self):
        try:
            self._start_up()
        except BaseException:  # Ctrl-C, too: nobody else would stop what has been started
            self.__exit__()
            raise
        return self

    def _start_up(self):
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.data.parent / "lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.close()
            self.lock = None
            raise SystemExit("Another ./dev bench runs in this tree; two at once would only measure each other.") from None
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        if os.getuid() == 0:
            owner = pwd.getpwnam(os.environ.get("OIAB_PG_USER", "postgres"))
            self.identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
        else:
            self.identity = {}
        self.descriptor = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY)
        with open(self.log, "wb") as log:
            initdb = self._start(log, "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8",
                                 "--locale=C.UTF-8", "--no-sync")
            if initdb.wait() != 0:
                raise SystemExit(f"initdb failed:\n{self.log.read_text(encoding='utf-8', errors='replace').strip()}")
            with open(self.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
                configuration.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
            self.process = self._start(log, "postgres")
        self._wait_until_up()

    def _start(self, log, program, *arguments):
        return subprocess.Popen(
            [self.programs / program, *arguments, "-D", f"/proc/self/fd/{self.descriptor}"], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, cwd="/", pass_fds=[self.descriptor], start_new_session=True, **self.identity)

    def _wait_until_up(self):
        give_up = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
                return
            except DatabaseError as error:
                if self.process.poll() is not None or time.monotonic() > give_up:
                    raise SystemExit(f"PostgreSQL did not start ({error}); its log: {self.log}") from error
                time.sleep(0.05)

    def url(self, database="oiab"):
        host = str(self.data)
        # A socket's path may have 107 characters; below a deeper tree it is reached through the server's own directory.
        if len(host) > 90:
            host = f"/proc/{self.process.pid}/cwd"
        return f"postgresql://postgres@/{database}?host={urllib.parse.quote(host, safe='')}"

    def connect(self, database="oiab"):
        return Connection(self.url(database))

    def __exit__(self, *_):
        if self.lock is None:
            return  # the data directory is somebody else's
        if self.process and self.process.poll() is None:
            # At once, without a checkpoint: nobody will read the data again.
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        shutil.rmtree(self.data, ignore_errors=True)
        self.lock.close()
        self.lock = None
