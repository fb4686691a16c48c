"""Restores of one tenant: in its place, or as a new tenant; confirmed or taken back; and rehearsed.

For other operations: ``drill.run(slug)`` rehearses, ``run.sweep()`` drops what was kept long enough.
"""
