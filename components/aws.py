"""The classes of pulumi-aws that we use."""

from __future__ import annotations

from components.official import official

# First: modules of s3 ask for the package iam, and would load all of it.
Role = official("pulumi_aws.iam", "role").Role
RolePolicy = official("pulumi_aws.iam", "role_policy").RolePolicy

Bucket = official("pulumi_aws.s3", "bucket").Bucket
BucketLifecycleConfiguration = official("pulumi_aws.s3", "bucket_lifecycle_configuration").BucketLifecycleConfiguration
BucketObjectLockConfiguration = official("pulumi_aws.s3", "bucket_object_lock_configuration").BucketObjectLockConfiguration
BucketObjectv2 = official("pulumi_aws.s3", "bucket_objectv2").BucketObjectv2
BucketOwnershipControls = official("pulumi_aws.s3", "bucket_ownership_controls").BucketOwnershipControls
BucketPolicy = official("pulumi_aws.s3", "bucket_policy").BucketPolicy
BucketPublicAccessBlock = official("pulumi_aws.s3", "bucket_public_access_block").BucketPublicAccessBlock
BucketServerSideEncryptionConfiguration = official(
    "pulumi_aws.s3", "bucket_server_side_encryption_configuration"
).BucketServerSideEncryptionConfiguration
BucketVersioning = official("pulumi_aws.s3", "bucket_versioning").BucketVersioning

Certificate = official("pulumi_aws.acm", "certificate").Certificate

Instance = official("pulumi_aws.rds", "instance").Instance
get_secret_version_output = official("pulumi_aws.secretsmanager", "get_secret_version").get_secret_version_output
