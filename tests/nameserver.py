"""A server of names on this machine, which says of each what a test wants it to say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


@contextmanager
def serving() -> Iterator[dict[str, list[str] | None]]:
    """While it runs, this process's look-ups are its: name → TXT records; None: it fails. What is not there is no name."""
    records: dict[str, list[str] | None] = {}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            wire, sender = server.recvfrom(4096)
            if not wire:
                return
            question = dns.message.from_wire(wire)
            response = dns.message.make_response(question)
            response.flags |= dns.flags.RA
            name = question.question[0].name
            found = records.get(str(name).rstrip("."), [])
            if found is None:
                response.set_rcode(dns.rcode.SERVFAIL)
            elif found:
                texts = [" ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255)) for text in found]
                response.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", texts))
            else:
                response.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(response.to_wire(), sender)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    resolver, before = dns.resolver.Resolver(configure=False), dns.resolver.default_resolver
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
    dns.resolver.default_resolver = resolver
    try:
        yield records
    finally:
        dns.resolver.default_resolver = before
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join(5)
        server.close()
