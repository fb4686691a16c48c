"""Runs of the Pulumi engine: the only place that imports ``pulumi.automation``."""
