-- Which resource of the engine made the row, and which its declared configuration. One that was replaced removes what it made only where
-- nobody has made it since. null: made before this was written down.
ALTER TABLE tenants ADD COLUMN made_by text, ADD COLUMN configured_by text;
