"""Moving a tenant to another isolation model or cell, as durable work: docs/moving.md and docs/adr/0016."""
