"""Stand-ins for the official provider plugins, for machines that cannot download those.

Each sub-package serves one provider's gRPC protocol to the Pulumi engine: ``python -m local.plugins.NAME``. They promise what the
official plugin of the version in their ``VERSION`` promises for the resource types the components use, and nothing else; see
docs/stand-ins.md. Nothing outside ``local/`` and the tests may import them.
"""
