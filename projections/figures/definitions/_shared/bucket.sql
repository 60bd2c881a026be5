-- The stretches of days a figure is asked for, both days inclusive: one for the whole period, or one per year. A
-- period without a lower bound begins on 0001-01-01, before which no fact can lie.
SELECT
    unnest(CAST(%(bucket)s AS integer[])) AS bucket,
    unnest(CAST(%(first_day)s AS date[])) AS first_day,
    unnest(CAST(%(last_day)s AS date[])) AS last_day
