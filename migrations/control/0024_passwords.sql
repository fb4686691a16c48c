-- What users of tenants sign in with where there is nothing better: docs/sign-in.md. Not a column of users, which the application reads.
CREATE TABLE passwords (
    tenant  uuid NOT NULL,                             -- not `tenant_id`: the application has no business here (0004)
    user_id uuid NOT NULL,
    hash    text NOT NULL,                             -- argon2id, with its salt and costs
    set_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, user_id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
