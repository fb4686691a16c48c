"""Scheduled tasks: declared in code, started by DBOS's scheduler, done for each tenant in a process of its own."""
