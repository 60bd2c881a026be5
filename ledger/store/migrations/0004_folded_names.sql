-- Names are found however they are written: Müller, Mueller and MULLER agree. unaccent() is only STABLE,
-- because its dictionary could be changed; ours is the one that comes with it, so an index may rest on it.
CREATE FUNCTION ledger.folded(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(replace(replace(lower(public.unaccent('public.unaccent'::regdictionary, name)), 'ae', 'a'), 'oe', 'o'), 'ue', 'u');
