// Package graphql answers GraphQL queries over FHIR resources (R4, Using GraphQL
// with FHIR). The schema is read off the definitions of a
// release, so there is no code per type; resources come through a Fetcher.
//
// A query is parsed, checked against the schema as a whole, and then run level
// by level: all references of a level are read at once, and reverse lookups of
// the same field are one search.
//
// Where the specification leaves room:
//
//   - What a resource does not have is left out of the answer, as in FHIR's
//     JSON. Fields of a connection and of introspection are null instead.
//   - An error takes the place of the whole answer.
//   - Strings, names without quotes and numbers are all taken for ids, codes
//     and values of search parameters.
//   - Two fields resource(type: ...) of one reference may have the same name
//     in the answer when their types differ.
//   - @first takes the first element and leaves a list a list; @singleton
//     makes it a single value, with or without @flatten.
//   - The argument of @slice is called path or fhirpath, that of a connection
//     _cursor or cursor, since the specification has both.
//   - A comma in the value of a search argument is part of the value; a list
//     gives alternatives.
package graphql
