package store

import "context"

// Setting is a named value of the tenant.
type Setting struct {
	Name  string
	Value []byte
}

// Settings keeps small named values of the tenant (cursor keys, policy). A
// change waits for transactions that hold the value.
type Settings interface {
	ReadSetting(ctx context.Context, name string) ([]byte, error) // ErrNotFound
	// InitSetting stores value if the name is new and returns what is stored.
	InitSetting(ctx context.Context, name string, value []byte) ([]byte, error)
	WriteSetting(ctx context.Context, name string, value []byte) error
	// SwapSetting replaces the value if it is still was; otherwise, or when
	// there is none, ErrVersion.
	SwapSetting(ctx context.Context, name string, was, value []byte) error
	// ListSettings returns all settings by name.
	ListSettings(ctx context.Context) (map[string][]byte, error)
}
