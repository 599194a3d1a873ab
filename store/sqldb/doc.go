// Package sqldb is what SQLite and PostgreSQL have in common: the tables of a
// store, the search tree as SQL, index rows, cursors. It is written once; a
// Dialect holds the little that differs.
//
// # Tables
//
//	name      the texts that rows refer to by number: types, parameters, systems ...
//	unit      units of quantities: system, code and text together have a number
//	version   every version of every resource, by seq: the log, the change feed,
//	          the histories, and the only place of bodies
//	resource  the current version of each resource, by rid
//	token, reference, string, date, number, quantity, uri, composite, position,
//	phrase_use
//	          the search index: rows of current, not deleted resources
//	phrase    the texts of phrase_use, each once, with a full text index
//	code_list, listed_code
//	          long lists of codes that were searched by, by what is in them
//	setting, job, and on PostgreSQL blob, blob_piece
//
// A resource's rid is the seq of its first version, so rid order is the order
// of first creation, which is the order of results that ask for no other, where
// it costs no more than one along an index.
//
// Each index table is clustered by what a search fixes: token by (param, code,
// rid), so that all rows of one code of one parameter stand together in the
// order of the result. A page is then read straight off the tree. Tables that
// are searched by range or prefix, and references, have a second index by rid:
// it answers "does this resource have such a value" for a second criterion,
// finds the value to sort by, and follows chains, whatever the range matches
// elsewhere. Rows and indexes by rid are written at the right edge of the tree,
// which is cheap.
//
// A row of reference has the rid of what it refers to. A resource that others
// refer to and that was never there, or is expunged, has a placeholder in table
// resource: version 0, deleted, so that nothing finds it. When it is created it
// gets a rid in the order of creation, and the references get that too.
//
// The displays and texts beside codes repeat from resource to resource, so that
// phrase_use has their numbers: what begins with a text, or has words, is first
// looked for in phrase. A phrase that no resource has any more goes with the next
// expunge, and so does a unit, which may be any text.
//
// Parameters that only repeat others have no rows; search.Param.Of says where
// their values stand.
//
// What a resource's index rows are is repeated in a compact form, so that an
// update touches only those that differ; no index on rid is needed for that.
// resource.outline is the number of what many resources have in common: the
// parameters with a value, for :missing, and the form of their rows. The values
// lie with the version's body, where texts are named by where they stand in the
// JSON, or after a reindex in resource.idx.
//
// # A worked example
//
// This is put as the first resource, with numbers as they come, those of names
// and of units apart:
//
//	{"resourceType": "Observation", "id": "o1", "status": "final",
//	 "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0"}]},
//	 "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-03-01",
//	 "valueQuantity": {"value": 91.5, "system": "http://unitsofmeasure.org", "code": "mg/dL"}}
//
//	name       1 Observation, 2 PUT R4, 3 "status Observation", 4 http://hl7.org/fhir/observation-status,
//	           5 "code Observation", 6 http://loinc.org, 7 "subject Observation", 8 Patient,
//	           9 "patient Observation", 10 "date Observation", 11 "value-quantity Observation",
//	           12 http://unitsofmeasure.org, 13 the outline ",3:1.3...,5:1.3...,7:2.1.8..,10:..."
//	unit       1 (12, mg/dL, ""), 2 (-1, g.m-3, ""): the canonical one
//	version    seq 1, rid 1, version 1, type 1, origin 2, body: the JSON, packed, and the values of the rows
//	resource   rid 1, type 1, id o1, seq 1, version 1, outline 13
//	           rid 2, type 8, id p1, version 0: the placeholder
//	token      (3, final, 1, 4)  (5, 2339-0, 1, 6)
//	reference  (2, 7, 1, ""): none for patient, which repeats subject
//	date       (10, 2026-03-01T00:00Z, 1, 24 hours)
//	quantity   (11, 91.5, 1, 1)
//	           (11, 915, 1, 2): the same in canonical units
//
// The search GET Observation?code=http://loinc.org|2339-0&date=ge2026&_count=20
// counts the candidates of its criteria (up to a bound, and remembers it for a
// while) until one has few. Here the code has fewer, so it drives:
//
//	SELECT p.rid, r.type, r.id, v.seq, v.version, v.body ...
//	FROM (SELECT d.rid FROM token d
//	      WHERE d.param = 5 AND d.code = '2339-0' AND d.system = 6 AND d.rid > ?
//	        AND EXISTS (SELECT 1 FROM date x INDEXED BY date_rid
//	                    WHERE x.rid = d.rid AND x.param = 10 AND (x.lo + x.span > ? OR x.lo >= ? AND x.lo + x.span <= ?))
//	      ORDER BY d.rid LIMIT 21) p
//	CROSS JOIN resource r ON r.rid = p.rid CROSS JOIN version v ON v.seq = r.seq
//	ORDER BY p.rid
//
// The index tables decide alone, since the rows of a parameter are of current
// resources of its type: only the page's resources are looked up. Where they do
// not (a filter on the resource's own row, a search of several types), resource is
// joined inside. A code in several systems can find a resource several times,
// in rows behind each other; the reader passes them over and reads on. The 21st
// resource says that there is a next page; its cursor is the 20th one's place in
// the order (the sort keys and rid) with a fingerprint of the query. The next page
// begins there, so page 1000 costs what page 1 costs.
//
// # Ways to a page
//
//   - Along an index, when the driving criterion is one exact value (token,
//     reference, uri) and the order is the store's.
//   - A set taken whole and sorted, when the driving criterion has few
//     candidates.
//   - Along the index of a range that many resources are in (of dates, numbers,
//     quantities of a unit, strings, URIs), in the order of its values, when no order is
//     asked for (own.go): row after row, but those whose resource has an earlier
//     one. The cursor holds the stretch of the index, value and rid.
//   - From the resources of the inner criterion of a chain or _has, along the
//     references, when no order is asked for (bridge.go): what a page finds that
//     an earlier row leads to, up to the cursor, is left out.
//   - From several places (merge.go), when a search of several types has
//     alternatives by type: all of one type, and of another what refers to one
//     resource. The page is the least of the first that each of them has.
//   - A walk over resources in the order asked for (by rid, by _lastUpdated, or
//     along the date or string index of the one sort key), asking each whether
//     it satisfies the rest, when every criterion has many and none of the above.
//   - Everything sorted, for several sort keys or keys without such an index:
//     then the cost of a page grows with the number of matches.
//
// The order of joins is fixed in the text: CROSS JOIN and INDEXED BY in SQLite,
// LATERAL subqueries that PostgreSQL does not take apart. Neither database is
// left to guess from statistics, which are wrong after every bulk load.
package sqldb
