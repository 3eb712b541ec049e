-- +goose Up

-- What a tunnel adds to the latency of its leg beyond what the model expects of tunnels, in a
-- bad minute behind one: it is told from the whole leg. Null: no tunnel, or judged before this
-- was kept.
alter table call_minutes add column detour_ms real;

-- +goose Down
alter table call_minutes drop column detour_ms;
