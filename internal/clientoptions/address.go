package clientoptions

import "net/url"

// Address parses the address of a platform, which must be of http or https and
// have a host, and neither user, query nor fragment. option is its name, example
// one that is right. The error does not quote it: it may hold a password.
func Address(option, address, example string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, &Problem{option, "must be an http or https address with a host, such as " + example}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &Problem{option, "must not have user, query or fragment"}
	}
	return u, nil
}
