-- Sign-ins that failed: which line of the audit log counts which of them, for a while. What is counted together is a digest.
CREATE TABLE failed_sign_ins (
    subject bytea PRIMARY KEY,
    tenant  uuid,                                      -- not `tenant_id`: the application has no business here (0004)
    line    bigint NOT NULL,
    since   timestamptz NOT NULL DEFAULT now(),
    count   integer NOT NULL DEFAULT 1
);
CREATE INDEX failed_sign_ins_since ON failed_sign_ins (since);
