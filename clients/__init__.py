"""Programs for those who ask the service from elsewhere."""
