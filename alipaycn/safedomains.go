package alipaycn

import (
	"strings"
	"unicode"
)

// SafeDomainInput is the input of safeDomains.add
// (alipay.open.mini.safedomain.create) and safeDomains.remove
// (alipay.open.mini.safedomain.delete). They answer nothing; the domains are in
// [BaseInfo]. A mini program may have 30. A change takes effect in versions that
// are uploaded afterwards.
type SafeDomainInput struct {
	// Domain is the server that the mini program may talk to, for example
	// "example.com". Required.
	Domain string `json:"safe_domain,omitempty"`
}

// Validate checks that there is a domain. Its form is not documented.
func (in SafeDomainInput) Validate() error {
	var p problems
	if p.required("safe_domain", in.Domain) && strings.ContainsFunc(in.Domain, notInDomain) {
		p.add("safe_domain", "must be one domain, without spaces, commas and control characters")
	}
	return p.err("server domain")
}

func notInDomain(r rune) bool {
	return r == ',' || r == ';' || unicode.IsSpace(r) || unicode.IsControl(r)
}
