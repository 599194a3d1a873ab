package sqlite

import (
	"context"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// planned notes the plan of every query that passes.
type planned struct {
	*conn
	steps []string
}

func (p *planned) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	err := sqldb.ForEach(ctx, p.conn, "EXPLAIN QUERY PLAN "+text, args, func(r sqldb.Rows) error {
		var id, parent, unused int64
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		p.steps = append(p.steps, detail)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.conn.Query(ctx, text, args...)
}

func (p *planned) Short() sqldb.DB { return p }

func TestSearchesReadIndexesNotTables(t *testing.T) {
	s := opened(t)
	param := func(code string, kind definitions.SearchType) search.Param {
		return search.Param{Type: "Observation", Code: code, Kind: kind}
	}
	code, status := param("code", definitions.SearchToken), param("status", definitions.SearchToken)
	date, name := param("date", definitions.SearchDate), param("name", definitions.SearchString)
	subject, quantity := param("subject", definitions.SearchReference), param("value", definitions.SearchQuantity)
	pair := param("pair", definitions.SearchComposite)
	told := search.Sequence{Param: search.Param{Type: "Observation", Code: "_text", Kind: definitions.SearchSpecial}, Words: []string{"a", "b"}}
	number := search.NumberRange{Value: 5, Lo: 5, Hi: 5}
	err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{{
			Key: fhir.Key{Type: "Observation", ID: "o"}, Method: "PUT", Body: s.Pack([]byte("{}"), []search.Entry{
				{Param: code, System: "s", Code: "c", Text: "name"}, {Param: told.Param, Norm: "a b"}, {Param: status, System: "s", Code: "c"},
				{Param: date, Time: search.TimeRange{Lo: 1, Hi: 2}}, {Param: name, Norm: "n", Text: "n"},
				{Param: subject, RefType: "Patient", RefID: "p"}, {Param: quantity, Number: number, System: "s", Code: "u"},
				{Param: pair, Parts: []search.Entry{{Param: search.Param{Kind: definitions.SearchToken}, Code: "c"},
					{Param: search.Param{Kind: definitions.SearchQuantity}, Number: number}}},
			}),
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	aCode, final := search.Token{Param: code, System: "s", Code: "c"}, search.Token{Param: status, AnySystem: true, Code: "c"}
	since := search.Date{Param: date, Prefix: search.GE, Range: search.TimeRange{Lo: 1, Hi: 2}}
	above := search.Quantity{Param: quantity, Prefix: search.GT, Range: number, AnySystem: true, Unit: "u"}
	patient := search.Reference{Param: subject, Type: "Patient", ID: "p"}
	isName := search.String{Param: name, Value: "n"}
	byDate := []search.SortKey{{Param: date, Desc: true}}
	codings := make([]search.Coding, 1000)
	for i := range codings {
		codings[i] = search.Coding{System: "s", Code: strings.Repeat("c", i+1)}
	}
	said := search.Text{Param: code, Value: "n"}
	short, long := search.Codes{Param: code, List: search.NewCodeList(codings[:100])}, search.Codes{Param: code, List: search.NewCodeList(codings)}
	if err := s.keepList(t.Context(), long.List); err != nil {
		t.Fatal(err)
	}
	part := search.Within{Param: subject, Type: "Patient", ID: "p", Via: param("partof", definitions.SearchReference)}
	part.Via.Type = "Patient"
	whole := part
	whole.Above = true
	for what, q := range map[string]search.Query{
		"code":                        {Filter: aCode},
		"code of any system":          {Filter: final},
		"two codes":                   {Filter: search.And{aCode, final}},
		"either code":                 {Filter: search.Or{aCode, final}},
		"not a code":                  {Filter: search.And{patient, search.Not{X: aCode}}},
		"since":                       {Filter: since},
		"patient since":               {Filter: search.And{patient, since}},
		"name":                        {Filter: isName},
		"patient and name":            {Filter: search.And{patient, isName}},
		"above":                       {Filter: above},
		"code above":                  {Filter: search.And{aCode, above}},
		"pair":                        {Filter: search.Composite{Param: pair, Parts: []search.Expr{search.Token{Code: "c", AnySystem: true}, search.Quantity{Prefix: search.GT, Range: number, AnySystem: true}}}},
		"chain":                       {Filter: search.Chain{Param: subject, Target: "Patient", X: search.IDs{"p"}}},
		"code and chain":              {Filter: search.And{aCode, search.Chain{Param: subject, Target: "Patient", X: isName}}},
		"has":                         {Types: []string{"Patient"}, Filter: search.Has{Source: "Observation", Param: subject, X: aCode}},
		"by date":                     {Sort: byDate},
		"patient by date":             {Filter: patient, Sort: byDate},
		"by last update":              {Sort: []search.SortKey{{Param: search.Param{Code: "_lastUpdated"}, Desc: true}}},
		"all":                         {},
		"missing":                     {Filter: search.Missing{Param: name, Want: true}},
		"ids":                         {Filter: search.IDs{"o", "p"}},
		"near":                        {Filter: search.Near{Param: param("near", definitions.SearchSpecial), Point: search.Point{X: 1}, Chord2: 0.01}},
		"code and near":               {Filter: search.And{aCode, search.Near{Param: param("near", definitions.SearchSpecial), Chord2: 0.01}}},
		"another name":                {Filter: search.And{patient, search.Other{X: isName}}},
		"another code":                {Filter: search.And{patient, search.Other{X: aCode}}},
		"a name that ends so":         {Filter: search.And{patient, search.String{Param: name, Mode: search.StringEnds, Value: "n"}}},
		"containers":                  {Filter: search.Containers([]string{"Patient"})},
		"last updated":                {Filter: search.LastUpdated{Prefix: search.GE, Range: search.TimeRange{Lo: 1, Hi: 2}}},
		"code with total":             {Filter: aCode, Total: search.TotalAccurate},
		"text":                        {Filter: said},
		"code and text":               {Filter: search.And{aCode, said}},
		"not a text":                  {Filter: search.And{aCode, search.Not{X: said}}},
		"words":                       {Filter: told},
		"name and words":              {Filter: search.And{isName, told}},
		"in a list":                   {Filter: short},
		"in a long list":              {Filter: long},
		"name in a long list":         {Filter: search.And{isName, long}},
		"not in a long list":          {Filter: search.And{isName, search.Not{X: long}}},
		"below":                       {Filter: part},
		"above a place":               {Filter: whole},
		"name and below":              {Filter: search.And{isName, part}},
		"URL below":                   {Filter: search.URI{Param: param("url", definitions.SearchURI), Value: "http://x", Mode: search.URIBelow}},
		"not a code, with total":      {Filter: search.Not{X: aCode}, Total: search.TotalAccurate},
		"has by a code of any system": {Types: []string{"Patient"}, Filter: search.Has{Source: "Observation", Param: subject, X: final}},
	} {
		if q.Types == nil {
			q.Types = []string{"Observation"}
		}
		q.Count = 10
		err := s.read(t.Context(), func(c *conn) error {
			p := &planned{conn: c}
			_, err := s.reader.Search(t.Context(), p, &q)
			for _, step := range p.steps {
				of, isScan := strings.CutPrefix(step, "SCAN ")
				if isScan && !strings.HasPrefix(of, "(") && !isSubquery(of) {
					t.Errorf("%s: %s\n%s", what, step, strings.Join(p.steps, "\n"))
				}
				if strings.Contains(step, " EXISTS") {
					t.Errorf("%s: a criterion became a join, before which all others are asked for: %s", what, step)
				}
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		_, x, err := s.Explain(t.Context(), &q)
		if err != nil {
			t.Errorf("%s explained: %v", what, err)
		}
		for _, statement := range x.Statements {
			if statement.Purpose != store.NameStatement && statement.Touched < 0 {
				counting, _ := counted(statement.SQL)
				t.Errorf("%s: the rows read of the %s are not told: %s\n%s", what, statement.Purpose, statement.SQL, counting)
			}
		}
	}
}

// isSubquery says whether a scan is of a subquery's result, by its alias.
func isSubquery(scan string) bool {
	alias, _, _ := strings.Cut(scan, " ")
	switch alias[0] {
	case 'd', 'e', 'h', 'p', 'q', 'c', 'n':
		return !strings.Contains(scan, "USING")
	}
	return alias == "CONSTANT"
}
