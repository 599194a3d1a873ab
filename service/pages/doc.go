// Package pages is what all pages of Ingle share: who visits, the frame with its
// menus, the design system (one stylesheet, one script, components, charts), and the
// rules by which a browser may use them.
//
// A room (clinic, portal, gallery ...) mounts its pages with Mount, gets a *Visit for
// each request of somebody who is signed in, and answers with Visit.Write. What the
// design system has is shown at /design.
//
// Pages work without scripts; a script only adds to them. No page holds a script or
// a style of its own: both come from hashed files, so that Content-Security-Policy
// forbids everything else.
package pages
