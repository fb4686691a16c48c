"""``python -m local.plugins.cloudflare``: the plugin's process."""

from local.plugins.cloudflare.provider import PROVIDER
from local.plugins.framework import serve

if __name__ == "__main__":
    serve(PROVIDER)
