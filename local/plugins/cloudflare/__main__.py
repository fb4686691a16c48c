"""`python -m local.plugins.cloudflare`: serve the stand-in to the engine."""

from local.plugins.cloudflare import VERSION
from local.plugins.cloudflare.client import CONFIG, Client
from local.plugins.cloudflare.dns_record import DnsRecord
from local.plugins.cloudflare.hostnames import CustomHostname, FallbackOrigin
from local.plugins.framework import Provider, serve

PROVIDER = Provider("cloudflare", VERSION, [DnsRecord(), CustomHostname(), FallbackOrigin()], config=CONFIG, configure=Client)

if __name__ == "__main__":
    serve(PROVIDER)
