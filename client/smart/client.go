package smart

// Client is an app as a server knows it. It is safe for concurrent use as long as
// nobody changes its fields.
type Client struct {
	Server   *Server
	ID       string         // client_id
	Auth     Authentication // how it proves who it is; nil for a public client, which cannot
	Redirect string         // redirect_uri, exactly as registered; "" for a service
}
