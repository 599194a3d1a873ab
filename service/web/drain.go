package web

import (
	"context"
	"net/http"

	"github.com/inglehealth/ingle/spec/fault"
)

// guests are the requests under way to one tenant that has a name.
type guests struct {
	ctx   context.Context // of all of them
	cut   context.CancelFunc
	count int
	shut  bool
	stays context.Context // ends when it is shut
	close context.CancelFunc
	gone  chan struct{} // closed when it is shut and the last has left
}

// Shut lets no further request in to a tenant, as though it were not there, and waits
// for those under way. Those that never end by themselves go by Exchange.Stays. When ctx ends it cuts those off that still go on, and waits for
// their handlers to see that: no client holds them by sending or reading slowly. Reopen
// undoes it.
func (s *Site) Shut(ctx context.Context, tenant string) {
	s.coming.Lock()
	g := s.guestsOf(tenant)
	g.shut = true
	g.close()
	if g.count == 0 {
		g.leave()
	}
	s.coming.Unlock()
	select {
	case <-g.gone:
	case <-ctx.Done():
		g.cut()
		<-g.gone
	}
}

// Reopen lets requests in to a tenant that was shut.
func (s *Site) Reopen(tenant string) {
	s.coming.Lock()
	defer s.coming.Unlock()
	delete(s.guests, tenant)
}

func (s *Site) guestsOf(tenant string) *guests {
	g := s.guests[tenant]
	if g == nil {
		g = &guests{gone: make(chan struct{})}
		g.ctx, g.cut = context.WithCancel(context.Background())
		g.stays, g.close = context.WithCancel(g.ctx)
		s.guests[tenant] = g
	}
	return g
}

// enter counts a request to a tenant that has a name, or refuses it when that is shut.
func (s *Site) enter(x *Exchange, r *http.Request) (*http.Request, error) {
	tenant := tenantOf(r.URL.Path)
	if tenant == "" {
		return r, nil
	}
	s.coming.Lock()
	defer s.coming.Unlock()
	g := s.guestsOf(tenant)
	if g.shut {
		return r, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server.")
	}
	g.count++
	x.cut, x.stays = g.ctx, g.stays
	ctx, end := context.WithCancel(r.Context())
	unbind := context.AfterFunc(g.ctx, func() {
		end()
		x.response.cut()
	})
	x.exit = func() {
		unbind()
		end()
		s.coming.Lock()
		defer s.coming.Unlock()
		if g.count--; g.count > 0 {
			return
		}
		g.leave()
		if !g.shut {
			delete(s.guests, tenant) // names that nobody has are not kept
		}
	}
	return r.WithContext(ctx), nil
}

// leave is called when nobody is there.
func (g *guests) leave() {
	g.cut()
	if g.shut {
		close(g.gone)
	}
}
