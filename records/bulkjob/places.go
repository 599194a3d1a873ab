package bulkjob

import "github.com/inglehealth/ingle/records"

// pagePlaces is how many places a page of placeSet has.
const pagePlaces = 1 << 15

// placeSet is a set of places: a bit each, in pages of those that there are.
type placeSet map[records.Place]*[pagePlaces / 64]uint64

// add adds a place. Those below 0 are of what is referred to and is not there.
func (s placeSet) add(p records.Place) {
	if p < 0 {
		return
	}
	page := s[p/pagePlaces]
	if page == nil {
		page = new([pagePlaces / 64]uint64)
		s[p/pagePlaces] = page
	}
	at := p % pagePlaces
	page[at/64] |= 1 << (at % 64)
}

func (s placeSet) has(p records.Place) bool {
	if p < 0 {
		return false
	}
	page := s[p/pagePlaces]
	at := p % pagePlaces
	return page != nil && page[at/64]&(1<<(at%64)) != 0
}
