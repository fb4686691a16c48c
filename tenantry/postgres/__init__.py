"""PostgreSQL itself: where a server is, what is in its catalog, who may do what, and how a database is migrated. Nothing of tenants."""
