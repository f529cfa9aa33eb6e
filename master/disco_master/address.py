"""Host names and addresses, as URLs and sockets want them. Pure."""

from __future__ import annotations


def bracketed(host: str) -> str:
    """As it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def unbracketed(host: str) -> str:
    """As the system takes it."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
