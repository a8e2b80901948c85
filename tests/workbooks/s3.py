"""An S3 server on this machine for the tests, and a proxy in front of it that breaks connections."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

ACCESS_KEY, SECRET_KEY = "AKIDTESTOFPYALLOC", "s3cret/key+of/the/tests"
BUCKET = "bank"


@dataclass(frozen=True)
class S3:
    """A server that speaks S3 over HTTP, with one bucket."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def client(self) -> Any:
        """A client that is no part of what is tested."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Return the content of all objects below a prefix, by name."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key.removeprefix(f"{prefix}/"): self.content(key) for key in keys}

    def content(self, key: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    @contextmanager
    def credentials_expire(self, after: int) -> Iterator[None]:
        """Refuse the credentials of everyone after so many requests."""
        self._reset_auth(str(after))
        try:
            yield
        finally:
            self._reset_auth("inf")

    def _reset_auth(self, count: str) -> None:
        from moto import settings
        from moto.core.authorization import ActionAuthenticatorMixin

        ActionAuthenticatorMixin.request_count = 0
        settings.INITIAL_NO_AUTH_ACTION_COUNT = float(count)


@contextmanager
def running_s3() -> Iterator[S3]:
    """Start a server with an empty bucket."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        s3 = S3(*server.get_host_and_port())
        s3.client.create_bucket(Bucket=BUCKET)
        yield s3
    finally:
        server.stop()


@dataclass
class Proxy:
    """Passes bytes on, and ends a connection in the middle of a request that it was told of.

    Attributes
    ----------
    cut : bytes
        In the first line of requests that end after a few thousand bytes of their body; empty: none.
    times : int
        How many of them do.
    """

    to: S3
    cut: bytes = b""
    times: int = 10**9
    broken: int = 0
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)

    def start(self) -> None:
        """Listen on a free port of this machine."""
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inward, _ = self._listener.accept()
                outward = socket.create_connection((self.to.host, self.to.port))
                threading.Thread(target=self._forward, args=(inward, outward), daemon=True).start()
                threading.Thread(target=_pass_on, args=(outward, inward), daemon=True).start()

    def _forward(self, inward: socket.socket, outward: socket.socket) -> None:
        """Pass a client's bytes on, up to a few thousand after the request that is to be cut."""
        seen, room = b"", None
        with suppress(OSError):
            while data := inward.recv(4096):
                seen = (seen + data)[-8192:]
                if room is None and self.cut and self.cut in seen and self.broken < self.times:
                    room = 20_000
                if room is not None and (room := room - len(data)) < 0:
                    self.broken += 1
                    break
                outward.sendall(data)
        for each in (inward, outward):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
