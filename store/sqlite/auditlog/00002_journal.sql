-- +goose Up

-- Groups without numbers are in a journal of their own, which counts them: here is
-- the last that has its numbers. audit_group holds what was appended before that.
ALTER TABLE audit_head ADD COLUMN journal INTEGER NOT NULL DEFAULT 0;
