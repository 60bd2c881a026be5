-- Needs: bucket, engaged, enrolled_kind, project_place, profile
-- The enrolments on their first such day: the companies', and those of whom they met from research, in the same project.
SELECT
    7 AS kind, side.project_id AS first_key, CAST(side.organisation_id AS text) AS second_key,
    coalesce(profile.code, 'unknown') AS code
FROM engaged
JOIN bucket ON bucket.first_day <= engaged.day AND engaged.day <= bucket.last_day
JOIN enrolled_kind AS company ON company.identity = engaged.identity AND company.kind = 'company'
    AND company.valid_from <= engaged.day AND engaged.day < company.valid_to
JOIN project_place ON project_place.project_id = company.project_id AND project_place.key = engaged.key
JOIN enrolled_kind AS research ON research.project_id = company.project_id
    AND research.kind IN ('university', 'research_institute')
    AND research.valid_from <= engaged.day AND engaged.day < research.valid_to
JOIN enrolled_kind AS side ON side.project_id = company.project_id
    AND side.identity IN (company.identity, research.identity)
    AND side.valid_from <= engaged.day AND engaged.day < side.valid_to
LEFT JOIN profile ON profile.organisation_id = engaged.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
