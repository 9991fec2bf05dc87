-- Purpose:    record a person's decision on the threshold between the tiers.
-- Writes:     review.threshold
-- Parameters: value (double precision), who (text), why (text), facts (jsonb)
-- Repeatable: no; one row a decision.
-- Returns:    version
insert into review.threshold (value, who, why, facts)
values (%(value)s, %(who)s, %(why)s, %(facts)s)
returning version;
