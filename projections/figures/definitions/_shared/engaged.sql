-- Needs: project_place, enrolled_kind
-- The first day ever on which a company shares a running project with a university or a research institute.
SELECT project_place.key, company.identity, min(greatest(company.valid_from, research.valid_from)) AS day
FROM project_place
JOIN enrolled_kind AS company ON company.project_id = project_place.project_id AND company.kind = 'company'
JOIN enrolled_kind AS research ON research.project_id = project_place.project_id
    AND research.kind IN ('university', 'research_institute')
    AND company.valid_from < research.valid_to AND research.valid_from < company.valid_to
GROUP BY project_place.key, company.identity
