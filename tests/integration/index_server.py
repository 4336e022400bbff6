"""Serves a folder over HTTP on the loopback interface of a test host, asking for credentials where they are set.

Arguments: folder, port, log file, and for HTTPS a file with key and certificate. Standard input: username and password,
one a line; an empty username serves anyone. The log has one line for each request: status, account or "-", path. While
there is a file named like the log with ".hold" added, wheels are not delivered: whoever asks for one waits, and a file
with ".held" added says so. While there is one with ".fault" added, the fault it names happens to every request: a
status, or one of FAULTS.
"""

from __future__ import annotations

import base64
import functools
import http.server
import re
import ssl
import sys
import time
from pathlib import Path

folder, port, log_path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
username, password = sys.stdin.readline().rstrip("\n"), sys.stdin.readline().rstrip("\n")


#: What can be wrong with an index, beside statuses such as 404 and 500.
FAULTS = {
    "garbage": "every page is HTML that is no index",
    "binary": "every page is bytes of no kind",
    "cut": "the connection ends in the middle of a wheel",
    "truncated": "wheels end early, and their length says so",
    "not-a-zip": "wheels are a text, and pages give no hash that would tell",
    "hash": "wheels are whole and other ones than their hash is of",
    "hang": "requests are taken and never answered",
    "trickle": "answers come one byte at a time and do not end",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    def account(self) -> str:
        """Who asks: the account whose password is right, or "-"."""
        expected = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        return username if username and self.headers.get("Authorization") == expected else "-"

    def do_GET(self) -> None:
        if username and self.account() == "-":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        while self.path.endswith(".whl") and Path(f"{log_path}.hold").exists():
            Path(f"{log_path}.held").touch()
            time.sleep(0.05)
        fault = Path(f"{log_path}.fault")
        if fault.exists():
            self.fail(fault.read_text().strip())
        else:
            super().do_GET()

    def fail(self, fault: str) -> None:
        """Answer as the fault says."""
        if fault.isdigit():
            self.send_error(int(fault))
        elif fault in ("hang", "trickle"):
            self.keep_waiting(fault)
        else:
            self.answer_wrongly(fault)

    def keep_waiting(self, fault: str) -> None:
        """Answer nothing, or a little at a time."""
        self.log_request(200)
        if fault == "trickle":
            self.head(1_000_000)
        for _ in range(6000):
            if fault == "trickle":
                self.wfile.write(b" ")
            time.sleep(0.1)

    def answer_wrongly(self, fault: str) -> None:
        """Answer with something else than what was asked for."""
        is_wheel = self.path.endswith(".whl")
        found = Path(self.translate_path(self.path))
        found = found / "index.html" if found.is_dir() else found
        content = found.read_bytes() if found.is_file() else b""
        if fault == "garbage":
            self.answer(b"<!DOCTYPE html><html><body><h1>Welcome</h1><p>Please log in.</p></body></html>")
        elif fault == "binary":
            self.answer(bytes(range(256)) * 16)
        elif fault == "cut" and is_wheel:
            self.log_request(200)
            self.head(len(content))
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif fault == "truncated" and is_wheel:
            self.answer(content[: len(content) // 2])
        elif fault == "not-a-zip":
            self.answer(b"This is no wheel.\n" if is_wheel else re.sub(rb"#sha256=[0-9a-f]+", b"", content))
        elif fault == "hash":
            # Of a page: whatever the hash was, it is another one now.
            self.answer(content if is_wheel else re.sub(rb"#sha256=[0-9a-f]{8}", b"#sha256=00000000", content))
        else:
            self.answer(content)

    def answer(self, content: bytes) -> None:
        """Answer with this content."""
        self.log_request(200)
        self.head(len(content))
        self.wfile.write(content)

    def head(self, length: int) -> None:
        """Write the head of an answer of so many bytes."""
        kind = "application/octet-stream" if self.path.endswith(".whl") else "text/html"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        self.close_connection = True
        self.wfile.write(head.encode())
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  # the base class's
        with open(log_path, "a") as log:  # noqa: PTH123  # one line, nothing to do with paths
            log.write(f"{int(code)} {self.account()} {self.path}\n")


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder))
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
