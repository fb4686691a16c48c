"""Durable work on DBOS: runs in a queue, the steps that they are made of, and the workers that take them."""
