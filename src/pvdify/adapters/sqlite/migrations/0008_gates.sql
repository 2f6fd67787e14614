-- The SHA-256 of the Authorization header that an app's visitors need, if they need one.
ALTER TABLE apps ADD COLUMN gate TEXT;
