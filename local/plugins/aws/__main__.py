"""``python -m local.plugins.aws``: the plugin's process."""

from local.plugins.aws.provider import PROVIDER
from local.plugins.framework import serve

if __name__ == "__main__":
    serve(PROVIDER)
