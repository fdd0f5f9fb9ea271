// Package manifest has the files that people write for cmd/alipayplus: what to ship
// (ship.yaml), and a service of the Service Market (service.yaml). Reading one finds all that
// is wrong in it, each with its line and column. api/ship.schema.json and
// api/service.schema.json are made of the types here.
package manifest

// Version is the version of the form of the files that this package reads.
const Version = 1
