#!/usr/bin/env python3
"""A handler that is a program: finds the longest line of a text.

Payload: {"text": "…", "then": "<kind>"}. The job comes as JSON on stdin; messages go as JSON lines to descriptor 3;
whatever is printed goes to the daemon's log; the exit code says what became of the attempt.
"""
import json
import os
import signal
import sys

EX_DATAERR = 65  # failed for good
EX_TEMPFAIL = 75  # try again

messages = os.fdopen(3, "w", encoding="utf-8", buffering=1)


def tell(**message):
    messages.write(json.dumps(message) + "\n")


def stop(signum, frame):
    """The attempt is cancelled; there is a short time to clean up."""
    tell(type="result", error="stopped before the end")
    sys.exit(EX_TEMPFAIL)


def main():
    signal.signal(signal.SIGTERM, stop)
    job = json.load(sys.stdin)
    payload = job["payload"]
    if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
        tell(type="result", error='the payload has no "text"', reason="invalid_payload")
        return EX_DATAERR

    lines = payload["text"].splitlines()
    print(f"attempt {os.environ['OIAB_ATTEMPT']} of {job['id']}: {len(lines)} lines", file=sys.stderr)
    longest = ""
    for number, line in enumerate(lines, start=1):
        longest = max(longest, line, key=len)
        if number % 1000 == 0:
            tell(type="progress", value={"lines": number})

    if "then" in payload:
        tell(type="enqueue", job={"kind": payload["then"], "payload": {"longest": longest},
                                  "dedupeKey": f"line-report:{job['id']}"})
    tell(type="result", result={"lines": len(lines), "longest": longest})
    return 0


if __name__ == "__main__":
    sys.exit(main())
