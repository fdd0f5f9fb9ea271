// Package alipaycntest is a stateful stand-in for AlipayCN's OpenAPI V3 gateway,
// for tests and trials without AlipayCN. A [Gateway] is an http.Handler, and
// serves in process by [Gateway.HTTPClient]; it has no goroutines and keeps all
// in memory, so whole releases run in a testing/synctest bubble.
//
// It verifies every request: the authorization header, the time, the nonce,
// path and query as received, of a multipart body the part data, the token's
// line, AES and, where an app has one, the certificate's serial. It signs every
// answer. It knows every operation that package alipaycn has.
//
// It serves the page on which a merchant authorizes a third-party app, under the paths of
// AlipayCN's links for PC and for phones: see Endpoint of [alipaycn.AuthorizationInput].
// The merchant logs in with [App.MerchantID], chooses a mini program, and confirms twice.
//
// # It is a model
//
// AlipayCN documents names, fields, lengths, error codes and quotas, and hardly
// any behaviour. What the gateway does beyond these is inferred from the
// descriptions and the names of the error codes, and may differ from what
// AlipayCN does:
//
//   - the steps between the statuses of a version, and which error code answers
//     a step that is not possible; see [alipaycn.VersionStatus.CanBecome];
//   - that the call that starts a grayscale release also raises it, and that the
//     same share again is refused like a smaller one;
//   - that a first release may go through grayscale, and may also skip it: see
//     [WithGrayOnlyWhenOnline] and [WithGrayRequired];
//   - which earlier version a rollback brings back (of all others the one that
//     went online last), and that a version which came back so cannot be rolled
//     back itself;
//   - that the number of a version which was deleted, or whose build failed, may
//     be used again, and that such a version and one that was taken down are
//     none of the 20 in development;
//   - that a version which did not come from an upload counts as built;
//   - that one version at a time is in review, passed, rejected or in grayscale
//     for each client (bundle_id) and not for the whole mini program;
//   - that a mini program which calls for itself cannot upload: see [WithAnyTemplate];
//   - that region_type is required like the other base information, and screenshots are not;
//   - that a text has a right length when it has one in any way of counting that
//     the documents leave open;
//   - that the texts of a new version count as the mini program's own once it is
//     applied for, and as unchangeable (name, English name) once it was online;
//   - the authorization page: its looks, that there is no password, that one mini
//     program is chosen at a time, and that a merchant who declines comes back with
//     error=access_denied and no code;
//   - that a refresh ends the app_auth_token before, but for the refresh token,
//     which is documented to stay good;
//   - that words which AlipayCN does not allow, brands, ended licences and ICP
//     filings are not checked, but for [App.NoFiling];
//   - that the time of an application stays when its review is cancelled, and when
//     the version is returned to development;
//   - that one version at a time is the trial version of a client, and another
//     takes its place;
//   - that rules for QR codes conflict only when their addresses are the same, and
//     that no app may use patterns;
//   - the HTTP statuses of errors but those of the gateway's own codes, the order
//     in which several faults of one request are found, that a nonce may be used
//     once, and how far a request's time may be off: see [WithTimeWindow];
//   - that the operations which are documented without BUNDLE_ID_NOT_EXIST answer
//     invalid-parameter for an unknown client;
//   - that errors are signed and not encrypted: see [WithUnsignedErrors];
//   - the statuses of a trial version other than notExpVersion, its links, and
//     the links of pictures, which lead nowhere, but for those of QR codes, which
//     lead to a black square;
//   - orders of the service market: the steps between the statuses of an item (the model
//     takes those that the names suggest), that an item has none before the order is
//     accepted, every status of an order but MERCHANT_ORDED, that an order which the
//     third-party app makes needs no acceptance, which calls need the merchant's token, the
//     codes for what cannot be read, and that out_biz_no is no idempotency key;
//   - the categories: see [WithCategories], and what a name check says of a name
//     that is not fine.
//
// Not modelled are the monthly counts of changes, the five submissions per
// template and day, penalties, the status PROMOTE_AUDIT_REJECT, the header
// x-http-method-override, and of orders shops, prices and what ends them by time.
package alipaycntest
