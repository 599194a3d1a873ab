package sqldb

var tableOf = [tables]table{
	TokenTable: {
		name: "token", columns: []string{"param", "code", "rid", "system"}, key: []string{"param", "code", "rid", "system"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.System) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.System) },
	},
	ReferenceTable: {
		name: "reference", columns: []string{"target", "param", "rid", "version"}, key: []string{"target", "param", "rid", "version"},
		append: func(a []any, o *Op) []any { return append(a, o.Target, o.Param, o.RID, o.Extra) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Target, o.Param, o.RID, o.Extra) },
	},
	StringTable: {
		name: "string", columns: []string{"param", "norm", "rid", "text"}, key: []string{"param", "norm", "rid", "text"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.More) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.More) },
	},
	DateTable: {
		name: "date", columns: []string{"param", "lo", "rid", "span"}, key: []string{"param", "lo", "rid", "span"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.TimeLo, o.RID, o.TimeHi-o.TimeLo) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.TimeLo, o.RID, o.TimeHi-o.TimeLo) },
	},
	NumberTable: {
		name: "number", columns: []string{"param", "lo", "rid", "hi", "value"}, key: []string{"param", "lo", "rid", "hi", "value"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
	},
	QuantityTable: {
		name:    "quantity",
		columns: []string{"param", "unit", "lo", "rid", "entry", "hi", "value", "sorts"},
		key:     []string{"param", "unit", "lo", "rid", "entry"},
		append: func(a []any, o *Op) []any {
			return append(a, o.Param, o.Unit, o.Lo, o.RID, o.Entry, other(o.Hi, o.Lo), other(o.Sort, o.Lo), flag(o.Sorts))
		},
		keyed: func(a []any, o *Op) []any { return append(a, o.Param, o.Unit, o.Lo, o.RID, o.Entry) },
	},
	URITable: {
		name: "uri", columns: []string{"param", "url", "rid", "version"}, key: []string{"param", "url", "rid", "version"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.Extra) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Text, o.RID, o.Extra) },
	},
	CompositeTable: {
		name: "composite",
		columns: []string{"param", "part", "text", "rid", "entry", "system", "more", "extra",
			"ptext", "psystem", "pmore", "pextra", "unit", "lo", "hi", "cunit", "clo", "chi"},
		key: []string{"param", "part", "text", "rid", "entry"},
		append: func(a []any, o *Op) []any {
			return append(a, o.Param, o.Part, o.Text, o.RID, o.Entry, o.System, o.More, o.Extra,
				o.Of.Text, o.Of.System, o.Of.More, o.Of.Extra, o.Of.Unit, o.Of.Lo, other(o.Of.Hi, o.Of.Lo),
				o.Of.CanonicalUnit, o.Of.CanonicalLo, other(o.Of.CanonicalHi, o.Of.CanonicalLo))
		},
		keyed: func(a []any, o *Op) []any { return append(a, o.Param, o.Part, o.Text, o.RID, o.Entry) },
	},
	PositionTable: {
		name: "position", columns: []string{"param", "x", "rid", "y", "z"}, key: []string{"param", "x", "rid", "y", "z"},
		append: func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.Param, o.Lo, o.RID, o.Hi, o.Sort) },
	},
	PhraseTable: {
		name: "phrase_use", columns: []string{"phrase", "param", "rid"}, key: []string{"phrase", "param", "rid"},
		append: func(a []any, o *Op) []any { return append(a, o.System, o.Param, o.RID) },
		keyed:  func(a []any, o *Op) []any { return append(a, o.System, o.Param, o.RID) },
	},
}

// other is nil for a bound that is the same as the lower one, which so takes no
// room.
func other(bound, lo float64) any {
	if bound == lo {
		return nil
	}
	return bound
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
