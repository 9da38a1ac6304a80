#!/usr/bin/env python3
"""A handler behind an HTTP endpoint: greets.

Payload: {"name": "…", "notBefore": <seconds since 1970>}.

    greeter.py 127.0.0.1:8090        listens on TCP
    greeter.py /run/greeter.sock     listens on a unix socket
"""
import http.server
import json
import os
import socketserver
import sys
import threading
import time

# Answers by Idempotency-Key, which is the same in every attempt of a job: a repeated request has no second effect.
# A real service keeps this where it survives a restart.
answers = {}
answers_lock = threading.Lock()


def work(job):
    """Returns the status and the JSON answer."""
    payload = job.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("name"), str):
        return 422, {"error": 'the payload has no "name"'}
    wait = payload.get("notBefore", 0) - time.time()
    if wait > 0:
        return 200, {"outcome": "snoozed", "afterSeconds": round(wait, 3)}
    return 200, {"outcome": "completed", "result": {"greeting": f"Good day, {payload['name']}."}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except (TypeError, ValueError):
            return self.answer(400, {"error": "the request is no JSON"})
        key = self.headers.get("Idempotency-Key", "")
        with answers_lock:
            if key not in answers:
                status, answer = work(job)
                if answer.get("outcome") != "completed":
                    return self.answer(status, answer)
                answers[key] = (status, answer)
            status, answer = answers[key]
        self.answer(status, answer)

    def answer(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return str(self.client_address[0]) if self.client_address else "unix"


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    address = sys.argv[1]
    if "/" in address:
        if os.path.exists(address):
            os.unlink(address)
        server = UnixServer(address, Handler)
        shown = address
    else:
        host, port = address.rsplit(":", 1)
        server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
        shown = f"{host}:{server.server_address[1]}"
    print(f"listening on {shown}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
