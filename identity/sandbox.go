package identity

import (
	"context"
	"slices"
)

// MethodSandbox is how users of a sandbox sign in: by nothing but their name.
const MethodSandbox = "sandbox"

// Sandbox says whether this is a tenant where anybody may sign in as one of some
// users, since all data in it is made up.
func (s *Service) Sandbox() bool { return len(s.config.Sandbox) > 0 }

// SandboxUsers are the users as whom anybody may sign in, in the order of the
// configuration; none outside of a sandbox.
func (s *Service) SandboxUsers(ctx context.Context) ([]User, error) {
	var all []User
	for _, login := range s.config.Sandbox {
		u, err := s.UserByLogin(ctx, login)
		if err != nil {
			return nil, err
		}
		if !u.Disabled {
			all = append(all, *u)
		}
	}
	return all, nil
}

// SignInSandbox is a complete sign-in of a user of the sandbox; ErrCredentials for any
// other, ErrDisabled.
func (s *Service) SignInSandbox(ctx context.Context, login string) (*SignIn, error) {
	if !slices.Contains(s.config.Sandbox, login) {
		return nil, ErrCredentials
	}
	u, err := s.UserByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	if u.Disabled {
		return nil, ErrDisabled
	}
	return &SignIn{User: u, Methods: []string{MethodSandbox}, complete: true}, nil
}
