// Package sqldb is what SQLite and PostgreSQL have in common: the tables of a
// store, the search tree as SQL, index rows, cursors. It is written once; a
// Dialect holds the little that differs.
//
// # Tables
//
//	name      the texts that rows refer to by number: types, parameters, systems
//	version   every version of every resource, by seq: the log, the change feed,
//	          the histories, and the only place of bodies
//	resource  the current version of each resource, by rid
//	token, reference, string, date, number, quantity, uri, composite
//	          the search index: rows of current, not deleted resources
//	setting, job, and on PostgreSQL blob, blob_piece
//
// A resource's rid is the seq of its first version, so rid order is the order
// of first creation, which is the order of every result that asks for no other.
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
// resource.idx repeats a resource's index rows in a compact form. SQLite packs
// this copy with the version's body, where it takes little room, save when the
// rows were made otherwise: by a reindex or the first use of a name. An update
// compares it with the new rows and touches only those that differ; no index
// on rid is needed for that. resource.params lists the parameters that have a
// value, for :missing.
//
// # A worked example
//
// This is put as the first resource, with parameters numbered as they come:
//
//	{"resourceType": "Observation", "id": "o1", "status": "final",
//	 "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0"}]},
//	 "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-03-01",
//	 "valueQuantity": {"value": 91.5, "system": "http://unitsofmeasure.org", "code": "mg/dL"}}
//
//	name       1 Observation, 2 "status Observation", 3 http://hl7.org/fhir/observation-status,
//	           4 "code Observation", 5 http://loinc.org, 6 "subject Observation", 7 Patient,
//	           8 "date Observation", 9 "value-quantity Observation", 10 http://unitsofmeasure.org
//	version    seq 1, rid 1, version 1, type 1, body: the JSON, packed
//	resource   rid 1, type 1, id o1, seq 1, version 1, params ",2,4,6,8,9,"
//	token      (2, final, 1, 3)  (4, 2339-0, 1, 5)
//	reference  (p1, 6, 1, 7, "")
//	date       (8, 2026-03-01T00:00Z, 1, 2026-03-02T00:00Z)
//	quantity   (9, 91.5, 1, 91.5, 10, mg/dL, mg/dL)
//	           (9, 915, 1, 915, -1, g.m-3): the same in canonical units
//
// The search GET Observation?code=http://loinc.org|2339-0&date=ge2026&_count=20
// counts the candidates of its criteria (up to a bound, and remembers it for a
// while) until one has few. Here the code has fewer, so it drives:
//
//	SELECT p.rid, r.type, r.id, v.seq, v.version, v.body ...
//	FROM (SELECT d.rid FROM token d
//	      WHERE d.param = 4 AND d.code = '2339-0' AND d.system = 5 AND d.rid > ?
//	        AND EXISTS (SELECT 1 FROM date x INDEXED BY date_rid
//	                    WHERE x.rid = d.rid AND x.param = 8 AND (x.hi > ? OR x.lo >= ? AND x.hi <= ?))
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
//   - A walk over resources in the order asked for (by rid, by _lastUpdated, or
//     along the date or string index of the one sort key), asking each whether
//     it satisfies the rest, when every criterion has many.
//   - Everything sorted, for several sort keys or keys without such an index:
//     then the cost of a page grows with the number of matches.
//
// The order of joins is fixed in the text: CROSS JOIN and INDEXED BY in SQLite,
// LATERAL subqueries that PostgreSQL does not take apart. Neither database is
// left to guess from statistics, which are wrong after every bulk load.
package sqldb
