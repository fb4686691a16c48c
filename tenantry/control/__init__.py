"""The control database: one module per group of tables. Nothing of what is in the tables of tenants."""
