"""``python -m local.plugins.postgresql``: the plugin's process."""

from local.plugins.framework import serve
from local.plugins.postgresql.provider import PROVIDER

if __name__ == "__main__":
    serve(PROVIDER)
