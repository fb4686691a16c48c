"""A tenant's store: where its tables are, who may enter, and its rows on their way from one to another."""
