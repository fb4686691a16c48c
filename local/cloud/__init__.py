"""The local cloud: one process per service, on 127.0.0.1."""
