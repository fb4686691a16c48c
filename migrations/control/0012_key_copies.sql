-- Since when there is a second copy, in AWS SSM; null: none is known (tenantry/clients/key_copies.py).
ALTER TABLE backup_keys ADD COLUMN copied_at timestamptz;
