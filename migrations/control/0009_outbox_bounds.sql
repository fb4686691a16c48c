-- One mail is of a bounded size and shape, whoever writes the row: an object of texts, so that reading it cannot fail for all others.
UPDATE outbox SET kind = left(kind, 60), key = CASE WHEN length(key) > 500 THEN md5(key) ELSE key END, recipient = left(recipient, 320),
                  parameters = '{}', state = CASE state WHEN 'queued' THEN 'failed' ELSE state END,
                  cause = 'its values were too large, or no texts', finished_at = coalesce(finished_at, now())
WHERE length(recipient) > 320 OR length(kind) > 60 OR length(key) > 500 OR length(parameters::text) > 100000
   OR jsonb_typeof(parameters) <> 'object' OR jsonb_path_exists(parameters, '$.* ? (@.type() <> "string")');
ALTER TABLE outbox
    ADD CONSTRAINT outbox_recipient_is_bounded CHECK (length(recipient) <= 320),
    ADD CONSTRAINT outbox_event_is_bounded CHECK (length(kind) <= 60 AND length(key) <= 500),
    ADD CONSTRAINT outbox_parameters_are_texts CHECK (
        jsonb_typeof(parameters) = 'object' AND length(parameters::text) <= 100000
        AND NOT jsonb_path_exists(parameters, '$.* ? (@.type() <> "string")'));
