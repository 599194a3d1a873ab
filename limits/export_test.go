package limits

// Kept is how many accounts a limiter has in memory.
func Kept(l *Limiter) (n int) {
	for i := range l.table.shards {
		n += len(l.table.shards[i].at)
	}
	return n
}
