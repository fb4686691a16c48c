-- What a run is for. Asked for with the same declaration it is joined; with another one a run follows it, and it is joined no more:
-- who asks for a third time with the first declaration wants that to be what comes last.
ALTER TABLE runs
    ADD COLUMN declared text,                          -- the fingerprint; null: for no declaration, or from before this was written down
    ADD COLUMN commit text,                            -- that has the declaration; null: no git, or it was not committed
    ADD COLUMN overtaken boolean NOT NULL DEFAULT false, -- a later run of the kind and tenant is for another declaration
    ADD COLUMN returned_since timestamptz;             -- workers give it back since then: none of them has the files
DROP INDEX runs_one_open;
CREATE UNIQUE INDEX runs_one_open ON runs (tenant_id, kind) WHERE state IN ('queued', 'running') AND NOT overtaken;
-- Who joined a run, and who asked for it again.
CREATE INDEX audit_log_run ON audit_log (run_id) WHERE run_id IS NOT NULL;
