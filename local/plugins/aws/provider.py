"""What the stand-in serves."""

from local.plugins.aws.bucket import Bucket
from local.plugins.aws.bucket_object import BucketObject
from local.plugins.aws.bucket_parts import Encryption, OwnershipControls, Policy, PublicAccessBlock, Versioning
from local.plugins.aws.client import CONFIG, Client
from local.plugins.aws.lifecycle import Lifecycle
from local.plugins.framework import Provider

VERSION = "7.51.1"
PROVIDER = Provider(
    "aws",
    VERSION,
    [Bucket(), Versioning(), Encryption(), PublicAccessBlock(), OwnershipControls(), Policy(), Lifecycle(), BucketObject()],
    config=CONFIG,
    configure=Client,
)
