#!/usr/bin/env python3
"""Three mail servers on loopback for the tests: plain, STARTTLS with a login that is demanded, TLS from the first byte.

Mail goes to DIRECTORY/inbox (a maildir), the ports to DIRECTORY/ports.json, the certificate to DIRECTORY/ca.pem.
"""
import json
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult, LoginPassword

directory = Path(sys.argv[1])
directory.mkdir(mode=0o700, parents=True, exist_ok=True)
certificate, key = directory / "ca.pem", directory / "key.pem"
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
     "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
     "-keyout", str(key), "-out", str(certificate)],
    check=True, capture_output=True,
)
certificate.chmod(0o644)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


def login(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"guard", b"right-password")
    return AuthResult(success=right, handled=False)


class Inbox(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def start(**more):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Inbox(str(directory / "inbox")), hostname="127.0.0.1", port=port, ready_timeout=60, **more)
    # The controller says hello to its own server; a certificate for `localhost` would not please it.
    controller._trigger_server = lambda: socket.create_connection(("127.0.0.1", port)).close()
    controller.start()
    return port


ports = {
    "plain": start(),
    "starttls": start(tls_context=context, require_starttls=True, authenticator=login, auth_required=True),
    "tls": start(ssl_context=context),
}
(directory / "ports.new").write_text(json.dumps(ports))
(directory / "ports.new").rename(directory / "ports.json")
threading.Event().wait()
