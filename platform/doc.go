// Package platform is an embeddable platform that releases services and mini
// programs by the rules that Alipay+ documents.
//
// Alipay+ publishes no management API for this: people click in a console. The
// HTTP contract that this package serves (api/openapi.yaml) is therefore this
// project's own, but for what Alipay+ does document on the wire: the message
// structure, its signature, the result object, and miniprogram/qrcode/create.
// The rules are those of package alipayplus; none is written twice.
//
// In a test it lives in memory and in process; a team can serve it as a gateway
// of its own:
//
//	p, err := platform.New()
//	p.Server("127.0.0.1:8480").ListenAndServe()
//
// Its records and its signing key then end with the process. To keep them, give
// it a store, such as that of package storage/bolt, and a key: [WithStore],
// [WithSigner].
//
// Where it goes beyond the documents (what a service's texts may hold, how a
// review is decided, how long things are kept), it takes options.
package platform
