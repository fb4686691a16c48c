"""The service: HTTP in front of operations, which it translates and nothing else."""
