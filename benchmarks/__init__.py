"""`make bench`: ratios measured side by side in one run. Figures and how they were got: docs/performance.md."""
