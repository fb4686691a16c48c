-- The outbox of e-mails: written in the transaction that causes them, sent by whoever sweeps. No row holds a secret: a link with a
-- token is derived when the mail is sent, from a key that is not in this database.
CREATE TABLE outbox (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),  -- also the mail's Message-ID and its bounces' address
    kind        text NOT NULL,                            -- a key of email_templates
    key         text NOT NULL,                            -- of the event: one mail for each
    recipient   text NOT NULL,
    parameters  jsonb NOT NULL DEFAULT '{}',
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'cancelled', 'bounced')),
    not_before  timestamptz NOT NULL DEFAULT now(),
    tries       integer NOT NULL DEFAULT 0,               -- since it was queued; a retry by hand begins anew
    cause       text,                                     -- why it was deferred, failed, cancelled or bounced
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
);
CREATE INDEX outbox_due ON outbox (not_before) WHERE state = 'queued';
CREATE INDEX outbox_id ON outbox (id);

-- Committed by itself before a mail's text is handed over, so that a sender killed before it could note the server's answer leaves a
-- trace: an attempt without an end. One such mail is sent a second time, with the same Message-ID; never a third time by itself.
CREATE TABLE outbox_attempts (
    tenant_id uuid NOT NULL,
    outbox_id uuid NOT NULL,
    number    integer NOT NULL,
    begun_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at  timestamptz,
    outcome   text CHECK (outcome IN ('sent', 'deferred', 'failed', 'unknown')),
    answer    text,                                       -- the server's
    PRIMARY KEY (tenant_id, outbox_id, number),
    FOREIGN KEY (tenant_id, outbox_id) REFERENCES outbox (tenant_id, id) ON DELETE CASCADE
);
