-- Webhooks are edited: one with another address is `untested` until it has taken a test. And somebody may skip what blocks an order.
ALTER TABLE webhook_endpoints
    ADD COLUMN description text NOT NULL DEFAULT '',
    DROP CONSTRAINT webhook_endpoints_state_check,
    ADD CONSTRAINT webhook_endpoints_state_check CHECK (state IN ('active', 'untested', 'disabled'));
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_state_check,
    ADD CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('queued', 'delivered', 'failed', 'withheld', 'skipped'));
