"""What can be done to tenants. Everything goes through the same Pulumi program, driven from outside."""
