"""Copies a tenant for staging, anonymised: what may cross stands in one reviewed file, and what does not stand there blocks the clone."""
