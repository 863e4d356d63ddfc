-- Which matter a notice belongs to and what it does to it ('single', 'begins', 'continues', 'acknowledged', 'ends'). Notices of the first
-- format stand alone.
ALTER TABLE notice ADD COLUMN thread TEXT NOT NULL DEFAULT '';
ALTER TABLE notice ADD COLUMN phase  TEXT NOT NULL DEFAULT 'single';
CREATE INDEX notice_by_thread ON notice (thread, phase);
CREATE INDEX notice_by_time ON notice (at);

-- The matter's name that the channel was told; NULL: it was not told.
ALTER TABLE delivery ADD COLUMN told_as TEXT;
-- Waits by intent (an escalation, a repetition), not because the channel failed.
ALTER TABLE delivery ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_told ON delivery (notifier, told_as) WHERE told_as IS NOT NULL;
