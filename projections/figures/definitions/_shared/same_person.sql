-- Needs: person_chain
-- References that are one person with another one: those marked, and those they end at. All others are a person each.
SELECT person_chain.person_ref, person_chain.person
FROM person_chain
JOIN (SELECT person_ref, max(step) AS step FROM person_chain GROUP BY person_ref) AS last
    ON last.person_ref = person_chain.person_ref AND last.step = person_chain.step
UNION
SELECT person_chain.person, person_chain.person
FROM person_chain
JOIN (SELECT person_ref, max(step) AS step FROM person_chain GROUP BY person_ref) AS last
    ON last.person_ref = person_chain.person_ref AND last.step = person_chain.step
