"""What the stand-in serves."""

from local.plugins.cloudflare.client import CONFIG, Client
from local.plugins.cloudflare.dns_record import DnsRecord
from local.plugins.cloudflare.hostnames import CustomHostname, FallbackOrigin
from local.plugins.framework import Provider

VERSION = "6.23.1"
PROVIDER = Provider("cloudflare", VERSION, [DnsRecord(), CustomHostname(), FallbackOrigin()], config=CONFIG, configure=Client)
