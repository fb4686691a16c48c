-- The format is part of what is signed since the second. The default is what a worker that has not been renewed yet writes.
ALTER TABLE deletion_records ADD COLUMN format text NOT NULL DEFAULT 'tenantry-deletion-record/1';
