package alipaycn

import (
	"net/url"
	"slices"
	"strings"
)

// QRCodeSize is the size of the picture of a QR code. It is open to unknown values.
type QRCodeSize string

// The sizes that AlipayCN documents; their pixels are not.
const (
	// QRCodeSmall is the smallest.
	QRCodeSmall QRCodeSize = "s"
	// QRCodeMedium is the middle one.
	QRCodeMedium QRCodeSize = "m"
	// QRCodeLarge is the largest.
	QRCodeLarge QRCodeSize = "l"
)

// Known says whether AlipayCN documents the size.
func (s QRCodeSize) Known() bool {
	return s == QRCodeSmall || s == QRCodeMedium || s == QRCodeLarge
}

// CreateQRCodeInput is the input of qrcodes.create
// (alipay.open.app.qrcode.create). A QR code works while the mini program is online.
type CreateQRCodeInput struct {
	// Page is the path of a page of the mini program, for example
	// "pages/index/index". Required.
	Page string `json:"url_param,omitempty"`
	// Query is given to the page: "key=value&key=value".
	Query string `json:"query_param,omitempty"`
	// Description says what the QR code is for.
	Description string `json:"describe,omitempty"`
	// Color is the colour of the round QR codes, hexadecimal, for example "0x00BFFF".
	Color string `json:"color,omitempty"`
	// Size is the size of the pictures.
	Size QRCodeSize `json:"size,omitempty"`
}

// Validate checks the fields.
func (in CreateQRCodeInput) Validate() error {
	var p problems
	p.required("url_param", in.Page)
	if !isQuery(in.Query) {
		p.add("query_param", "must be of the form key=value&key=value")
	}
	if in.Color != "" && !isColor(in.Color) {
		p.add("color", "must be six hexadecimal digits, as in 0x00BFFF")
	}
	oneOf(&p, "size", in.Size, QRCodeSmall, QRCodeMedium, QRCodeLarge)
	return p.err("QR code")
}

func isQuery(text string) bool {
	if text == "" {
		return true
	}
	for pair := range strings.SplitSeq(text, "&") {
		if key, _, found := strings.Cut(pair, "="); !found || key == "" {
			return false
		}
	}
	return true
}

func isColor(text string) bool {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "#")
	return len(digits) == 6 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// QRCode is the answer of qrcodes.create: the same code in three pictures.
type QRCode struct {
	// URL is the square picture.
	URL string `json:"qr_code_url,omitempty"`
	// CircleBlueURL is the round picture with a blue slogan.
	CircleBlueURL string `json:"qr_code_url_circle_blue,omitempty"`
	// CircleWhiteURL is the round picture with a white slogan.
	CircleWhiteURL string `json:"qr_code_url_circle_white,omitempty"`
}

// RouteMode says which addresses a rule covers. It is open to unknown values.
type RouteMode string

// The modes that AlipayCN documents.
const (
	// RouteExact: the address must be the same.
	RouteExact RouteMode = "EXACT"
	// RouteFuzzy: the address must begin so.
	RouteFuzzy RouteMode = "FUZZY"
	// RoutePattern: the address must fit a pattern. A list shows it; it cannot be bound.
	RoutePattern RouteMode = "PATTERN"
)

// Known says whether AlipayCN documents the mode.
func (m RouteMode) Known() bool {
	return m == RouteExact || m == RouteFuzzy || m == RoutePattern
}

// BindQRCodeInput is the input of qrcodes.bind (alipay.open.mini.qrcode.bind),
// which makes an ordinary QR code with an address open the mini program. A mini
// program may have 20 rules.
type BindQRCodeInput struct {
	// RouteURL is the address in the QR code; its domain needs an ICP filing.
	// Required. AlipayCN allows http, https and ftp.
	RouteURL string `json:"route_url,omitempty"`
	// Page is the page that opens. Required.
	Page string `json:"page_redirection,omitempty"`
	// Mode is [RouteExact] or [RouteFuzzy]. Required.
	Mode RouteMode `json:"mode,omitempty"`
	// RoutePattern describes many addresses of one host, for example
	// "http://example.com/shop/{0}"; may be empty.
	RoutePattern string `json:"route_pattern,omitempty"`
}

// Validate checks the fields.
func (in BindQRCodeInput) Validate() error {
	var p problems
	if p.required("route_url", in.RouteURL) && !isRouteURL(in.RouteURL) {
		p.add("route_url", "must be an http, https or ftp address")
	}
	p.required("page_redirection", in.Page)
	p.required("mode", string(in.Mode))
	oneOf(&p, "mode", in.Mode, RouteExact, RouteFuzzy)
	return p.err("QR code rule")
}

func isRouteURL(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Host != "" && slices.Contains([]string{"http", "https", "ftp"}, address.Scheme)
}

// BoundQRCode is the answer of qrcodes.bind.
type BoundQRCode struct {
	// RouteGroup names the rule, for qrcodes.unbind.
	RouteGroup string `json:"route_group,omitempty"`
}

// ListQRCodesInput is the input of qrcodes.list (alipay.open.mini.qrcode.query).
type ListQRCodesInput struct {
	// Page is the page, counted from 1. Required.
	Page int `json:"page_no,omitempty"`
	// PageSize is the number of rules on a page, 1 to 10. Required.
	PageSize int `json:"page_size,omitempty"`
}

// Validate checks the fields.
func (in ListQRCodesInput) Validate() error {
	var p problems
	if in.Page < 1 {
		p.add("page_no", "must be at least 1")
	}
	if in.PageSize < 1 || in.PageSize > 10 {
		p.add("page_size", "must be 1 to 10")
	}
	return p.err("QR code list")
}

// QRCodeList is the answer of qrcodes.list.
type QRCodeList struct {
	// Rules are the rules of the page.
	Rules []QRCodeRule `json:"qr_code_route_groups,omitempty"`
	// Total is the number of all rules.
	Total Int `json:"total_items,omitempty"`
}

// QRCodeRule is the rule by which an ordinary QR code opens the mini program.
type QRCodeRule struct {
	// Mode says which addresses it covers.
	Mode RouteMode `json:"mode,omitempty"`
	// RouteGroup names it.
	RouteGroup string `json:"route_group,omitempty"`
	// RouteURL is the address.
	RouteURL string `json:"route_url,omitempty"`
}

// UnbindQRCodeInput is the input of qrcodes.unbind
// (alipay.open.mini.qrcode.unbind). It answers nothing.
type UnbindQRCodeInput struct {
	// RouteGroup names the rule. Required.
	RouteGroup string `json:"route_group,omitempty"`
}

// Validate checks that the rule is named.
func (in UnbindQRCodeInput) Validate() error {
	var p problems
	p.required("route_group", in.RouteGroup)
	return p.err("QR code rule")
}
