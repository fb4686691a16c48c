"""What a tenant's users read: e-mails in the tenant's branding and words."""
