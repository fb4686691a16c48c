"""The programs of the two kinds of stack: a cell with its pooled tenants, and one dedicated tenant."""
