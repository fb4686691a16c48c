"""The commands of the `tenantry` command line, a file per noun."""
