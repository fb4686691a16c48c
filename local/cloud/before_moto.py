"""What has to be so before moto is imported: imported before it, and nothing else.

A start of the local AWS takes half of the time that it took without the last two.
"""

import os
from functools import cache

import botocore.session
import moto.utilities.utils

# A certificate stays pending, as one does whose DNS record nobody published.
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", str(10**9))

# moto makes a session for each list of regions, and each would read all endpoints of AWS anew.
botocore.session.create_loader = cache(botocore.session.create_loader)

# RDS and SSM import moto's EC2, which would read every type of instance in every region. Nobody here asks it for one.
_load_resource = moto.utilities.utils.load_resource
moto.utilities.utils.load_resource = lambda name: {} if name.startswith("ec2/resources/instance_type") else _load_resource(name)
