-- +goose Up

-- A refresh is noted before the provider is asked and forgotten with its answer. What is
-- left here was asked and never answered: the pair may have been rotated and the reply
-- lost, by a program that was killed or on the way. It tells a lost reply from a
-- revocation.
alter table credentials add column refresh_began_at timestamptz;
