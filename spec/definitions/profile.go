package definitions

type profiles struct{}
type terminology struct{}
