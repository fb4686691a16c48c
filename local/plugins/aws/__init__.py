"""The stand-in for pulumi-aws: S3, ACM, IAM and RDS, on the endpoint that AWS_ENDPOINT_URL names."""
