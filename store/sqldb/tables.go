package sqldb

var tableOf = [tables]table{
	TokenTable: {
		name: "token", columns: []string{"param", "code", "rid", "system"}, key: []string{"param", "code", "rid", "system"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.System) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.System) },
	},
	ReferenceTable: {
		name: "reference", columns: []string{"id", "param", "rid", "type", "version"}, key: []string{"id", "param", "rid", "type", "version"},
		append: func(a []any, o *Op) []any { return append(a, o.Text, o.Param, o.RID, o.System, o.Extra) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Text, o.Param, o.RID, o.System, o.Extra) },
	},
	StringTable: {
		name: "string", columns: []string{"param", "norm", "rid", "text"}, key: []string{"param", "norm", "rid", "text"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.More) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.More) },
	},
	DateTable: {
		name: "date", columns: []string{"param", "lo", "rid", "hi"}, key: []string{"param", "lo", "rid", "hi"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.TimeLo, o.RID, o.TimeHi) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.TimeLo, o.RID, o.TimeHi) },
	},
	NumberTable: {
		name: "number", columns: []string{"param", "lo", "rid", "hi", "value"}, key: []string{"param", "lo", "rid", "hi", "value"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
	},
	QuantityTable: {
		name:    "quantity",
		columns: []string{"param", "lo", "rid", "hi", "system", "code", "unit", "value", "sorts"},
		key:     []string{"param", "lo", "rid", "hi", "system", "code", "unit", "value"},
		append: func(a []any, o *Op) []any {
			return append(a, o.Param, o.Lo, o.RID, o.Hi, o.System, o.Text, o.More, o.Sort, flag(o.Sorts))
		},
		keyed: func(a []any, o *Op) []any {
			return append(a, o.Param, o.Lo, o.RID, o.Hi, o.System, o.Text, o.More, o.Sort)
		},
	},
	URITable: {
		name: "uri", columns: []string{"param", "url", "rid", "version"}, key: []string{"param", "url", "rid", "version"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.Extra) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.Extra) },
	},
	CompositeTable: {
		name: "composite",
		columns: []string{"param", "part", "text", "rid", "entry", "more", "system", "extra",
			"ptext", "pmore", "psystem", "pextra", "lo", "hi", "clo", "chi"},
		key: []string{"param", "part", "text", "rid", "entry"},
		append: func(a []any, o *Op) []any {
			return append(a, o.Param, o.Part, o.Text, o.RID, o.Entry, o.More, o.System, o.Extra,
				o.Of.Text, o.Of.More, o.Of.System, o.Of.Extra, o.Of.Lo, o.Of.Hi, o.Of.CanonicalLo, o.Of.CanonicalHi)
		},
		keyed: func(a []any, o *Op) []any { return append(a, o.Param, o.Part, o.Text, o.RID, o.Entry) },
	},
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
