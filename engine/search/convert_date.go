package search

import "github.com/inglehealth/ingle/spec/fhir"

// date makes date entries (§3.1.1.4.7): of a Timing its outer limits.
func (x *extraction) date(n fhir.Node) {
	switch n.Type().Name {
	case "Period":
		if r, ok := period(n); ok {
			x.add(Entry{Time: r})
		}
	case "Timing":
		if r, ok := timing(n); ok {
			x.add(Entry{Time: r})
		}
	case "date", "dateTime", "instant", "string":
		if r, ok := ParseTime(n.Text()); ok {
			x.add(Entry{Time: r})
		}
	}
}

// period gives the range of a Period with open ends; ok is false when it has
// no end at all, or ends before it begins.
func period(n fhir.Node) (r TimeRange, ok bool) {
	r = TimeRange{MinTime, MaxTime}
	start, hasStart := ParseTime(n.Child("start").Text())
	end, hasEnd := ParseTime(n.Child("end").Text())
	if hasStart {
		r.Lo = start.Lo
	}
	if hasEnd {
		r.Hi = end.Hi
	}
	return r, (hasStart || hasEnd) && r.Lo < r.Hi
}

// timing gives the outer limits of events and repeat.bounds.
func timing(n fhir.Node) (r TimeRange, ok bool) {
	widen := func(o TimeRange) {
		if !ok {
			r, ok = o, true
			return
		}
		r.Lo, r.Hi = min(r.Lo, o.Lo), max(r.Hi, o.Hi)
	}
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		switch c.Name() {
		case "event":
			if o, valid := ParseTime(c.Text()); valid {
				widen(o)
			}
		case "repeat":
			if bounds := c.Child("bounds"); !bounds.IsZero() && bounds.Type().Name == "Period" {
				if o, valid := period(bounds); valid {
					widen(o)
				}
			}
		}
	}
	return r, ok
}
