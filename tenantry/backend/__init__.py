"""Pulumi's state backend: the states, their histories and locks, as files or in S3. Read beside the engine, never instead of it."""
