-- Where requests reach an instance is a host and a port: until now it was a port of loopback, or null.
UPDATE slots SET placements = (
    SELECT json_group_array(json(placement)) FROM (
        SELECT json_set(
            json_remove(value, '$.host_port'),
            '$.endpoint',
            CASE
                WHEN json_extract(value, '$.host_port') IS NULL THEN 'no-route'
                ELSE json_object('host', '127.0.0.1', 'port', json_extract(value, '$.host_port'))
            END
        ) AS placement
        FROM json_each(slots.placements)
        ORDER BY key
    )
);
