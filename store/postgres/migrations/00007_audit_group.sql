-- +goose Up

-- A group stays for a second at most: to compress it costs more than its room, and most
-- fit into a page.
ALTER TABLE audit_group ALTER body SET STORAGE EXTERNAL;
ALTER TABLE audit_group SET (toast_tuple_target = 8160);
