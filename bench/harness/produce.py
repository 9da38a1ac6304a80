"""Producers that insert as fast as the server lets them."""

import subprocess

from .contenders import Failure


def produce(bench, count, connections=1, batch=1, **into):
    """Inserts into `table`, or by the statement `insert`. @returns the seconds that it took."""
    arguments = [str(part) for name, value in into.items() for part in (f"--{name}", value)]
    answer = subprocess.run([bench.build / "bench" / "bench_produce", "--url", bench.server.url(), "--count", str(count),
                             "--connections", str(connections), "--batch", str(batch), *arguments],
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Failure(f"The producers failed: {answer.stderr.strip()}")
    return float(answer.stdout)
