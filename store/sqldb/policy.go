package sqldb

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// AmongFunction is the SQL function of databases without arrays that says whether a
// number is one of others in rising order, an argument of type []int64.
const AmongFunction = "ingle_among"

// Policies answers what store.Resources says of policies on a database that has
// this package's tables.
type Policies struct{ Dialect Dialect }

// After is store.Resources.Policies.
func (p Policies) After(ctx context.Context, db DB, after int64) (all []store.Policy, err error) {
	err = ForEach(ctx, db, p.Dialect.Rebind("SELECT id, text FROM policy WHERE id > ? ORDER BY id"), []any{after}, func(r Rows) error {
		var one store.Policy
		err := r.Scan(&one.Number, &one.Text)
		all = append(all, one)
		return err
	})
	return all, err
}

// Of is store.Resources.PoliciesOf, given the number of type Patient.
func (p Policies) Of(ctx context.Context, db DB, patientType int64, patient fhir.ID, at int64) (numbers []int64, err error) {
	err = ForEach(ctx, db, p.Dialect.Rebind("SELECT g.policy FROM governed g WHERE g.patient = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?) AND g.lo <= ? AND g.until > ?"),
		[]any{patientType, Clean(string(patient)), at, at}, func(r Rows) error {
			var n int64
			err := r.Scan(&n)
			numbers = append(numbers, n)
			return err
		})
	return numbers, err
}

// Marks is store.Resources.PolicyMarks, given the number of type Patient, on a database that
// has xmin: Govern writes all rows of a patient anew.
func (p Policies) Marks(ctx context.Context, db DB, patientType int64, patients []fhir.ID, at int64) (map[fhir.ID]store.PolicyMark, error) {
	ids := make([]string, len(patients))
	for i, id := range patients {
		ids[i] = Clean(string(id))
	}
	marks := make(map[fhir.ID]store.PolicyMark, len(patients))
	err := ForEach(ctx, db, p.Dialect.Rebind("SELECT k.id, k.rid, coalesce((SELECT g.xmin::text::bigint FROM governed g WHERE g.patient = k.rid AND g.lo <= ? ORDER BY g.lo DESC LIMIT 1), 0) FROM resource k WHERE k.type = ? AND k.id = ANY (?::text[])"),
		[]any{at, patientType, ids}, func(r Rows) error {
			var id string
			var rid int64
			var m store.PolicyMark
			err := r.Scan(&id, &rid, &m.State)
			m.Patient = store.Position(rid)
			marks[fhir.ID(id)] = m
			return err
		})
	return marks, err
}

// Govern is store.Tx.Govern, once what the transaction wrote is in the tables.
// It says whether there is a policy that was not there before.
func (p Policies) Govern(ctx context.Context, db Execer, patientType int64, patient fhir.ID, spans []store.PolicySpan) (made bool, err error) {
	id := Clean(string(patient))
	var former []int64
	err = ForEach(ctx, db, p.Dialect.Rebind("SELECT DISTINCT g.policy FROM governed g WHERE g.patient = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?)"),
		[]any{patientType, id}, func(r Rows) error {
			var n int64
			err := r.Scan(&n)
			former = append(former, n)
			return err
		})
	if err != nil {
		return false, err
	}
	if _, err := db.Exec(ctx, p.Dialect.Rebind("DELETE FROM governed WHERE patient = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?)"), patientType, id); err != nil {
		return false, err
	}
	for _, s := range spans {
		hash := sha256.Sum256([]byte(s.Policy))
		isNew, err := p.make(ctx, db, hash[:], s.Policy)
		if err != nil {
			return made, err
		}
		made = made || isNew
		n, err := db.Exec(ctx, p.Dialect.Rebind("INSERT INTO governed (patient, lo, until, policy) SELECT k.rid, ?, ?, p.id FROM policy p"+p.Dialect.Join+"resource k ON k.type = ? AND k.id = ? WHERE p.hash = ?"),
			s.Lo, s.Until, patientType, id, hash[:])
		if err == nil && n != 1 {
			err = store.ErrNotFound
		}
		if err != nil {
			return made, err
		}
	}
	return made, p.drop(ctx, db, former)
}

// make makes a policy, unless it is there. It is asked first: to be refused would use up a
// number, and what is told of policies is short when theirs lie close together.
func (p Policies) make(ctx context.Context, db Execer, hash []byte, text string) (made bool, err error) {
	there := false
	err = ForEach(ctx, db, p.Dialect.Rebind("SELECT id FROM policy WHERE hash = ?"), []any{hash}, func(r Rows) error {
		there = true
		return r.Scan(new(int64))
	})
	if err != nil || there {
		return false, err
	}
	n, err := db.Exec(ctx, p.Dialect.Rebind("INSERT INTO policy (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"), hash, text)
	return n > 0, err
}

// drop removes those of some policies that nobody has any more. Their numbers are not
// used again.
func (p Policies) drop(ctx context.Context, db Execer, numbers []int64) error {
	for some := range slices.Chunk(numbers, together) {
		f := join("", sql("DELETE FROM policy WHERE "), in("id", some), sql(" AND NOT EXISTS (SELECT 1 FROM governed g WHERE g.policy = policy.id)"))
		if _, err := db.Exec(ctx, p.Dialect.Rebind(f.sql), f.args...); err != nil {
			return err
		}
	}
	return nil
}

// governedCondition goes from the resource to the patients that own it and what
// they decided.
func (c *compiler) governedCondition(x search.Governed, r string) fragment {
	if x.Lacking {
		return c.lackingCondition(x, r)
	}
	if c.settles(x, r) {
		if c.timeless {
			return sql("?", unsettled{x})
		}
		return c.settle(x)
	}
	var ways []fragment
	params := c.ownerParams(x)
	switch {
	case x.Owner != "":
		ways = append(ways, c.governs(x, r, c.ownerRow(x)))
	case len(params) > 0 && x.Self && x.Kinds != nil:
		ways = append(ways, c.governsAny(x, r, params))
	case len(params) > 0:
		f, g := c.alias("f"), c.alias("g")
		from, holds := c.inForce(x, g, r, asked)
		ways = append(ways, c.dialect.exists(
			sql("SELECT 1 FROM reference "+f+c.dialect.by("reference_rid")), c.withSpan(x, g, f+".target"), from,
			sql(" WHERE "+f+".rid = "+r+".rid AND "), in(f+".param", params), sql(" AND "), holds))
		if x.Self {
			ways = append(ways, c.governs(x, r, sql(r+".rid")))
		}
	case x.Self:
		ways = append(ways, c.governs(x, r, sql(r+".rid")))
	}
	tables := either(ways...)
	if f, ok := c.inMemory(x, r, tables); ok {
		return f
	}
	return tables
}

// ownerRow is the number of the owner that is known.
func (c *compiler) ownerRow(x search.Governed) fragment {
	return sql("(SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?)", c.typeNumber("Patient"), c.owner(x))
}

// governsAny is that one of the owners of resource r, or r itself, has a policy that counts
// for it. What is asked of r, which may be long, stands there once.
func (c *compiler) governsAny(x search.Governed, r string, params []int64) fragment {
	f, g, o := c.alias("f"), c.alias("g"), c.alias("o")
	from, holds := c.inForce(x, g, r, asked)
	return c.dialect.exists(
		sql("SELECT 1 FROM (SELECT "+r+".rid AS patient UNION ALL SELECT "+f+".target FROM reference "+f+c.dialect.by("reference_rid")+" WHERE "+f+".rid = "+r+".rid AND "), in(f+".param", params),
		sql(") "+o), c.withSpan(x, g, o+".patient"), from, sql(" WHERE "), holds)
}

// governs is that a patient has a policy that counts for resource r.
func (c *compiler) governs(x search.Governed, r string, patient fragment) fragment {
	g := c.alias("g")
	from, holds := c.inForce(x, g, r, asked)
	if c.dialect.Lateral {
		return c.dialect.exists(sql("SELECT 1 FROM "), c.lastSpan(x, g, patient), from, sql(" WHERE "), holds)
	}
	return c.dialect.exists(sql("SELECT 1 FROM governed "+g), from, sql(" WHERE "+g+".patient = "), patient, sql(" AND "), holds)
}

// withSpan joins the rows g of governed that a patient has.
func (c *compiler) withSpan(x search.Governed, g, patient string) fragment {
	if c.dialect.Lateral {
		return join("", sql(" CROSS JOIN LATERAL "), c.lastSpan(x, g, sql(patient)))
	}
	return sql(c.dialect.with("governed", g, "", g+".patient = "+patient))
}

// lastSpan is the one row of governed that may be in force, since none overlap, and which
// transaction wrote it as state: to ask for the last that has begun keeps PostgreSQL from
// making a bitmap of a patient's rows.
func (c *compiler) lastSpan(x search.Governed, g string, patient fragment) fragment {
	return join("", sql("(SELECT "+g+".*, "+g+".xmin AS state FROM governed "+g+" WHERE "+g+".patient = "), patient, sql(" AND "+g+".lo <= ? ORDER BY "+g+".lo DESC LIMIT 1) "+g, c.when(x)))
}

// lackingCondition goes from the resource to the patients that own it, to find one
// without the policies.
func (c *compiler) lackingCondition(x search.Governed, r string) fragment {
	lacks := func(patient string) fragment {
		return join("", sql("NOT "), c.governs(x, r, sql(patient)))
	}
	patients := c.typeNumber("Patient")
	var ways []fragment
	if params := c.ownerParams(x); len(params) > 0 {
		f, k := c.alias("f"), c.alias("k")
		ways = append(ways, c.dialect.exists(
			sql("SELECT 1 FROM reference "+f+c.dialect.by("reference_rid")+c.dialect.with("resource", k, "", k+".rid = "+f+".target")+
				" WHERE "+f+".rid = "+r+".rid AND "+k+".type = ? AND ", patients), in(f+".param", params), sql(" AND "), lacks(f+".target")))
	}
	if x.Self {
		ways = append(ways, all(sql(r+".type = ?", patients), lacks(r+".rid")))
	}
	return either(ways...)
}

// governedSet goes from the patients that have one of the policies to what belongs to
// them.
func (c *compiler) governedSet(x search.Governed) []fragment {
	var selects []fragment
	if params := c.ownerParams(x); len(params) > 0 {
		g, f := c.alias("g"), c.alias("f")
		_, holds := c.inForce(x, g, "", found)
		selects = append(selects, join("", sql("SELECT "+f+".rid AS rid FROM governed "+g+c.dialect.with("reference", f, "", f+".target = "+g+".patient AND "+f+".param IN ("+numberList(params)+")")+" WHERE "), holds))
	}
	if x.Self {
		g := c.alias("g")
		_, holds := c.inForce(x, g, "", found)
		selects = append(selects, join("", sql("SELECT "+g+".patient AS rid FROM governed "+g+" WHERE "), holds))
	}
	if selects == nil {
		selects = []fragment{sql("SELECT rid FROM resource WHERE 1 = 0")}
	}
	return selects
}

func numberList(list []int64) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ", ")
}

// What rows of governed are found by: asked of each patient, not by their policies; or
// found by these.
const (
	asked = "+"
	found = ""
)

// inForce is that a row g of governed has one of x's policies now, and that this counts
// for resource r. from is what joins that row for it.
func (c *compiler) inForce(x search.Governed, g, r, how string) (from, holds fragment) {
	now := sql(g+".lo <= ? AND "+g+".until > ?", c.when(x), c.when(x))
	if x.Kinds != nil {
		from, are := c.decided(x, g, r)
		return from, all(now, are)
	}
	are := c.numbered(g+".policy", x.Policies)
	if how == asked {
		are = c.oneOf(how+g+".policy", x.Policies)
	}
	if x.After > 0 {
		are = either(are, sql(how+g+".policy > ?", x.After))
	}
	return fragment{}, all(now, are)
}

// numbered says that column is one of numbers, of which there may be many.
func (c *compiler) numbered(column string, numbers []int64) fragment {
	if len(numbers) <= together {
		return in(column, numbers)
	}
	list, err := json.Marshal(numbers)
	c.fail(err)
	if c.dialect.Numbered {
		return sql(column+" = ANY (ARRAY(SELECT json_array_elements_text(?::text::json)::bigint))", string(list))
	}
	return sql(column+" IN (SELECT value FROM json_each(?))", string(list))
}

// oneOf says of a row that is there that column is one of numbers in rising order. Its
// text is the same for however many.
func (c *compiler) oneOf(column string, numbers []int64) fragment {
	switch {
	case len(numbers) <= 2:
		return in(column, numbers)
	case c.dialect.Numbered:
		return sql(column+" = ANY (?::bigint[])", numbers)
	}
	return sql(AmongFunction+"("+column+", ?)", numbers)
}

// ownerParams are the numbers of the parameters under whose rows x's owners stand.
func (c *compiler) ownerParams(x search.Governed) []int64 {
	var all []int64
	for _, p := range x.Params {
		for _, k := range c.links(p) {
			for _, n := range k.params {
				if n != Unknown {
					all = append(all, n)
				}
			}
		}
	}
	return all
}
