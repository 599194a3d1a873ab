package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// namesLooked bounds the users and apps among whom a name is looked for that was misspelt.
const namesLooked = 10_000

// UserNamed is the id of a user who is given by login, whatever its case, or by id;
// NotFound, with the login that is nearest.
func UserNamed(ctx context.Context, items store.Identity, name string) (string, error) {
	if canonical, err := canonicalLogin(name); err == nil {
		item, err := readItem(ctx, items, kindLogin, canonical)
		if err == nil {
			var l loginItem
			err = decode(item, &l)
			return l.User, err
		}
		if !errors.Is(err, ErrNotFound) {
			return "", err
		}
	}
	if _, err := readItem(ctx, items, kindUser, name); !errors.Is(err, ErrNotFound) {
		return name, err
	}
	return "", nobody(ctx, items, kindLogin, name, "there is no user %q: give the name by which they sign in, or their id")
}

// ClientNamed is the id of an app that is given by it; NotFound, with the one that is nearest.
func ClientNamed(ctx context.Context, items store.Identity, id string) (string, error) {
	if _, err := readItem(ctx, items, kindClient, id); !errors.Is(err, ErrNotFound) {
		return id, err
	}
	return "", nobody(ctx, items, kindClient, id, "there is no app with the client id %q")
}

func nobody(ctx context.Context, items store.Identity, kind, name, says string) error {
	all, err := items.ListItems(ctx, kind, "", namesLooked)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, item := range all {
		names[i] = item.ID
	}
	says = fmt.Sprintf(says, fault.Shorten(name))
	if near := fault.Nearest(name, names); near != "" {
		says += ". Did you mean " + near + "?"
	}
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "%s", says)
}
