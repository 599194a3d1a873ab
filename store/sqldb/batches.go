package sqldb

import (
	"iter"
	"slices"

	"github.com/inglehealth/ingle/store"
)

// Resources yields what read gives, batch after batch, each of limit resources
// but the last, from after on. No transaction is open while the caller works.
func Resources(after store.Position, read func(after store.Position, limit int) ([]store.Positioned, error)) iter.Seq2[store.Positioned, error] {
	const limit = 200
	return func(yield func(store.Positioned, error) bool) {
		for {
			batch, err := read(after, limit)
			if err != nil {
				yield(store.Positioned{}, err)
				return
			}
			for _, r := range batch {
				if !yield(r, nil) {
					return
				}
				after = r.Position
			}
			if len(batch) < limit {
				return
			}
		}
	}
}

// InBatches calls remove, which removes up to size versions in a transaction of
// its own and says how many it found, until there are no more or limit is
// reached (0 is no limit), so that others can write in between.
func InBatches(limit int, remove func(size int64) (int64, error)) (total int64, err error) {
	const most = 500
	for limit == 0 || total < int64(limit) {
		size := int64(most)
		if limit > 0 {
			size = min(size, int64(limit)-total)
		}
		n, err := remove(size)
		if err != nil {
			return total, err
		}
		total += n
		if n < size {
			break
		}
	}
	return total, nil
}

// InGroups calls remove with some of x.Keys at a time, or once when there are none.
func InGroups(x store.Expunge, remove func(store.Expunge) (int64, error)) (total int64, err error) {
	if len(x.Keys) == 0 {
		return remove(x)
	}
	const most = 100
	left := x.Limit
	for some := range slices.Chunk(x.Keys, most) {
		one := x
		one.Keys, one.Limit = some, left
		n, err := remove(one)
		total += n
		if err != nil {
			return total, err
		}
		if x.Limit > 0 {
			if left -= int(n); left <= 0 {
				break
			}
		}
	}
	return total, nil
}
