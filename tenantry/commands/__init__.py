"""The commands, by noun. Each module's ``register`` adds its own to the command line; the work is done elsewhere."""
