package terminology

// versions are all versions of a URL, by source.
func versions[T any](s *scope, memo map[string][][]T, url string, of func(Source) ([]T, error)) ([][]T, error) {
	if found, ok := memo[url]; ok {
		return found, nil
	}
	found := make([][]T, len(s.sources))
	for i, source := range s.sources {
		var err error
		if found[i], err = of(source); err != nil {
			return nil, err
		}
	}
	memo[url] = found
	return found, nil
}

// choose picks a version: the one that is asked for, of the first source that
// has it; the latest that a wildcard allows; or, when none is asked for, the
// latest, where a later source must have one that is surely later. The last
// source, the packages, has its best first.
func choose[T comparable](found [][]T, version string, of func(T) string) (best T, ok bool) {
	for source, list := range found {
		var top T
		have := false
		for i, v := range list {
			switch {
			case version != "" && of(v) == version:
				return v, true
			case version != "" && !matchVersion(version, of(v)):
				continue
			case version == "" && source == len(found)-1 && i > 0:
				continue
			}
			if !have || compareVersions(of(v), of(top)) > 0 {
				top, have = v, true
			}
		}
		if have && (!ok || later(of(top), of(best))) {
			best, ok = top, true
		}
	}
	return best, ok
}

// later says whether a version is surely later: one in the form of a date and
// one in another form cannot be compared.
func later(a, b string) bool {
	if a == "" || b == "" || (len(a) >= 4 && digits(a) == 4) != (len(b) >= 4 && digits(b) == 4) {
		return false
	}
	return compareVersions(a, b) > 0
}
