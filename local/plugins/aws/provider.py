"""What the stand-in serves."""

from local.plugins.aws.bucket import Bucket
from local.plugins.aws.bucket_object import BucketObject
from local.plugins.aws.bucket_parts import Encryption, ObjectLock, OwnershipControls, Policy, PublicAccessBlock, Versioning
from local.plugins.aws.certificate import Certificate
from local.plugins.aws.client import CONFIG, Client
from local.plugins.aws.instance import Instance
from local.plugins.aws.invokes import INVOKES
from local.plugins.aws.lifecycle import Lifecycle
from local.plugins.aws.role import Role, RolePolicy
from local.plugins.framework import Provider

VERSION = "7.51.1"
PROVIDER = Provider(
    "aws",
    VERSION,
    [
        Bucket(),
        Versioning(),
        Encryption(),
        PublicAccessBlock(),
        OwnershipControls(),
        ObjectLock(),
        Policy(),
        Lifecycle(),
        BucketObject(),
        Certificate(),
        Role(),
        RolePolicy(),
        Instance(),
    ],
    config=CONFIG,
    configure=Client,
    invokes=INVOKES,
)
