"""Servers on the loopback interface of a test host: indexes behind logins, one behind a client certificate, a proxy.

Argument: a file of JSON, {"log": FILE, "syslog": FILE, "servers": [{"port", "username", "password", …}]}. A server has
a "folder" that it serves, with "certificate" (PEM with key) over TLS and with "clients" (PEM) only to who shows a
certificate of that authority; or "proxy": true, and hands on what it is asked. What starts with "/moved/" is redirected
to "moved". With "varies" it says that answers depend on who asks. Without the right login the answer is 401, or 407.

"log" gets a line for each request: port, status, account or "-", path. While there is a file named like it with ".hold"
added, wheels are not delivered, and a file with ".held" added says that somebody waits for one. "syslog" gets what is
written to /dev/log, for want of a daemon there.

All of these are stand-ins for an index, a proxy and a log daemon, with the standard library's servers.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import select
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

settings = json.loads(Path(sys.argv[1]).read_text())
LOG = Path(settings["log"])


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: Server

    def is_welcome(self, header: str) -> bool:
        said = self.headers.get(header, "")
        username, password = self.server.settings.get("username"), self.server.settings.get("password")
        if not username:
            return True
        # Of letters beyond ASCII pip and uv think differently (RFC 7617 leaves it open).
        expected = [base64.b64encode(f"{username}:{password}".encode(code)).decode() for code in ("utf-8", "latin-1")]
        return said in [f"Basic {one}" for one in expected]

    def refuse(self, status: int, header: str) -> None:
        self.send_response(status)
        self.send_header(header, 'Basic realm="guarded"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        # What a cache that keeps everything would keep.
        self.send_header("Cache-Control", "max-age=600")
        if self.server.settings.get("varies"):
            self.send_header("Vary", "Authorization")
        super().end_headers()

    def do_GET(self) -> None:
        if self.server.settings.get("proxy"):
            self.hand_on()
            return
        if not self.is_welcome("Authorization"):
            self.refuse(401, "WWW-Authenticate")
            return
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.server.settings["moved"])
            self.end_headers()
            return
        while self.path.endswith(".whl") and Path(f"{LOG}.hold").exists():
            Path(f"{LOG}.held").touch()
            time.sleep(0.05)
        super().do_GET()

    def do_HEAD(self) -> None:
        if self.server.settings.get("proxy") or self.is_welcome("Authorization"):
            super().do_HEAD()
        else:
            self.refuse(401, "WWW-Authenticate")

    def hand_on(self) -> None:
        if not self.is_welcome("Proxy-Authorization"):
            self.refuse(407, "Proxy-Authenticate")
            return
        url = urllib.parse.urlsplit(self.path)
        there = http.client.HTTPConnection("127.0.0.1", url.port or 80)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        there.request("GET", urllib.parse.urlunsplit(("", "", url.path, url.query, "")), headers=headers)
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        http.server.SimpleHTTPRequestHandler.end_headers(self)
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        if not self.is_welcome("Proxy-Authorization"):
            self.refuse(407, "Proxy-Authenticate")
            return
        with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as there:
            self.send_response(200)
            http.server.BaseHTTPRequestHandler.end_headers(self)
            self.wfile.flush()
            ends = {self.connection: there, there: self.connection}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[one].sendall(data)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  # the base class's
        account = self.server.settings.get("username") or "-"
        account = account if int(code) < 400 else "-"
        with LOG.open("a") as log:
            log.write(f"{self.server.settings['port']} {int(code)} {account} {self.path}\n")

    def log_message(self, *_: Any) -> None:
        """Nothing but requests is told."""


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

        def make_handler(*arguments: Any) -> Handler:
            return Handler(*arguments, directory=settings.get("folder", "/nonexistent"))

        super().__init__(("127.0.0.1", settings["port"]), make_handler)
        if settings.get("certificate"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(settings["certificate"])
            if settings.get("clients"):
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(settings["clients"])
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Who hangs up is none of the server's business."""


def keep_log() -> None:
    there = Path("/dev/log")
    there.unlink(missing_ok=True)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(there))
    there.chmod(0o666)
    with Path(settings["syslog"]).open("ab", buffering=0) as kept:
        while True:
            kept.write(log.recv(1 << 18) + b"\n")


threading.Thread(target=keep_log, daemon=True).start()
for one in settings["servers"][1:]:
    threading.Thread(target=Server(one).serve_forever, daemon=True).start()
# Who waits for the first port finds all of them.
Server(settings["servers"][0]).serve_forever()
