package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
)

type keyCommand struct {
	List   keyList   `cmd:"" help:"List the keys that id tokens are signed with."`
	Rotate keyRotate `cmd:"" help:"Make new keys. What the old ones signed stays good until it expires."`
	Reset  keyReset  `cmd:"" help:"Make a new key file when it is lost. No server may run."`
}

type keyList struct{ identityFlags }

func (c *keyList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "key list", c) }

func (c *keyList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	keys, err := in.SigningKeys(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"KID", "ALGORITHM", "SINCE", ""}}
	for _, k := range keys {
		state := "signs"
		if !k.Retired.IsZero() {
			state = "retired, shown until " + shownTime(k.Expires)
		}
		rows = append(rows, []string{k.ID, string(k.Algorithm), shownTime(k.Created), state})
	}
	return lines(out, rows)
}

type keyRotate struct{ identityFlags }

func (c *keyRotate) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "key rotate", c) }

func (c *keyRotate) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	if err := in.RotateKeys(ctx); err != nil {
		return err
	}
	return (&keyList{}).administer(ctx, in, out)
}

type keyReset struct{ identityFlags }

// Help is shown by `ingle key reset --help`.
func (c *keyReset) Help() string {
	return `What only the lost file could read goes: the signing keys (new ones are made), the secrets of TOTP (users sign in
with a recovery code, or an administrator lets them set it up anew) and those of outside sign-in providers (give them
again). Passwords, passkeys, sessions, apps and their tokens stay.`
}

// Run makes the new file here: a server that runs has the old key in memory.
func (c *keyReset) Run(ctx context.Context, m *Main) (err error) {
	config, db, err := c.config(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	done, err := identity.ResetKeyFile(ctx, config)
	if logged := audit.Append(ctx, db, commandEvent(audit.Administer, "key reset", c, err)); logged != nil {
		return errors.Join(err, fmt.Errorf("it is not in the audit log: %w", logged))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.Stdout, "A new key file is in place. %d signing keys, %d secrets of TOTP and %d of outside providers are gone.\n",
		done.SigningKeys, done.TOTPSecrets, done.Providers)
	return err
}
