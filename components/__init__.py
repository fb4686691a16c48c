"""What a tenant is made of: Pulumi component resources. Stacks compose them; nothing here reads configuration."""
