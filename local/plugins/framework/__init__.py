"""The small framework under the stand-in plugins: a table of fields per resource type, CRUD in plain Python, the protocol done once.

A plugin says what it serves and starts::

    class Bucket(ResourceType):
        token = "aws:s3/bucket:Bucket"
        fields = {
            "bucket": Field(computed=True, replaces=True, autoname=True),
            "forceDestroy": Field(bool, default=False),
            "tags": Field(dict),
            "arn": Field(output=True),
        }

        def create(self, client, new, ctx):            # -> (id, outputs); a failure must leave nothing behind
            ...
        def read(self, client, id, state, ctx):        # -> outputs, or None when it is gone; state is {} on import
            ...
        def update(self, client, id, old, new, ctx):   # -> outputs
            ...
        def delete(self, client, id, state, ctx):      # gone already is fine
            ...

    PROVIDER = Provider("aws", "7.51.1", [Bucket()], config={"region": Field()}, configure=Clients, invokes={TOKEN: function})

    if __name__ == "__main__":
        serve(PROVIDER)

Values are plain Python: ``str``, ``int``, ``float``, ``bool``, ``list``, ``dict`` and ``None``, with two exceptions. An unknown value is
``UNKNOWN``; it appears only in ``check`` and in differences, because create and update are not called in a preview. An asset is an
``Asset`` with ``read()``. Secrets never reach the author: a property that came in as a secret, or whose field says ``secret=True``, goes
out as one.

What the framework does with the fields: refuses unknown names and missing required ones, applies defaults and automatic names, compares the
recorded state with the new inputs as Terraform does (an absent value equals its type's zero, a computed field that nobody sets keeps its
value, an ``unordered`` list is a set), says which changes replace, fills a preview's outputs with unknowns, reports as inputs after a
refresh or an import what a program would have to say. What ``create``, ``update`` and ``read`` return is laid over the inputs or the
recorded state, so return only what was really read. ``client`` is whatever ``configure(config)`` returned: it is shared by threads and
connects on first use.

Errors: raise ``ProviderError(message, hint)``; the message should name the thing, the hint say what to do. Anything else raised is reported
with its type. ``PartialFailure`` is for an update that did half its work. ``retrying`` retries transient faults a bounded number of times.
"""

from local.plugins.framework.errors import PartialFailure, ProviderError
from local.plugins.framework.fields import Field
from local.plugins.framework.provider import Provider
from local.plugins.framework.resource import Context, Props, ResourceType
from local.plugins.framework.retry import retrying
from local.plugins.framework.serve import serve
from local.plugins.framework.values import UNKNOWN, Asset

__all__ = [
    "UNKNOWN",
    "Asset",
    "Context",
    "Field",
    "PartialFailure",
    "Props",
    "Provider",
    "ProviderError",
    "ResourceType",
    "retrying",
    "serve",
]
