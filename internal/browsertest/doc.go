// Package browsertest walks through Ingle's pages in Chromium as people do: the
// journeys of a newcomer, a developer, a clinician, a patient and an administrator on both
// databases, every page by the rules of axe-core, in light and dark, wide and
// narrow, and what happens when something goes wrong.
//
// Pictures of all pages are left in the folder $INGLE_SCREENSHOTS, if that is set, and those of
// failures there or in build/screenshots.
package browsertest
