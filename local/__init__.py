"""The embedded default: engine, stand-in plugins and a local cloud, for laptops and CI that cannot download or reach the real ones."""
