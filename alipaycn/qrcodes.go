package alipaycn

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// QRCodesClient makes QR codes of the mini program, and binds ordinary ones to
// it. Every error is an [Error].
type QRCodesClient struct{ c *Client }

// Create makes a QR code (alipay.open.app.qrcode.create) in three pictures. Each
// call makes a new one, so that a lost answer is never looked into: the error
// matches [alipayplus.ErrOutcomeUnknown], and another call does no harm.
func (q *QRCodesClient) Create(ctx context.Context, in CreateQRCodeInput) (*QRCode, error) {
	got := new(QRCode)
	if err := q.c.write(ctx, safeWrite{op: cnwire.QRCodeCreate, in: in, got: got}); err != nil {
		return nil, err
	}
	return got, nil
}

// Picture reads one of the pictures of a QR code, such as [QRCode].URL: a PNG or JPEG of at most
// 1 MiB. It is not signed; its address comes in a signed answer.
func (q *QRCodesClient) Picture(ctx context.Context, address string) (picture []byte, err error) {
	op := cnwire.Operation{Name: "qrcodes.picture", API: "qrcodes.picture", Method: http.MethodGet}
	if err := q.c.check(op, nil); err != nil {
		return nil, err
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, notSent(op, fmt.Errorf("%w: the address of the picture must be an http or https address", alipayplus.ErrInvalid))
	}
	ctx, end := q.c.begin(ctx, op)
	defer func() { end(err) }()
	answer, err := q.c.transport.Do(ctx, &transport.Call{
		Operation: op.Name, Method: op.Method, URL: address, Repeatable: true, Classify: classifyPicture,
	})
	if err != nil {
		return nil, q.c.callError(ctx, op, outgoing{}, err)
	}
	return answer.Body, nil
}

func classifyPicture(a *transport.Answer) (out transport.Classification) {
	const most = 1 << 20
	kind := http.DetectContentType(a.Body)
	switch {
	case a.Status != http.StatusOK:
		out.Err = fmt.Errorf("the address of the picture answered %d %s", a.Status, http.StatusText(a.Status))
		out.Retry = a.Status >= http.StatusInternalServerError || a.Status == http.StatusTooManyRequests
	case len(a.Body) > most:
		out.Err = fmt.Errorf("the picture has %d bytes; at most %d are read", len(a.Body), most)
	case kind != "image/png" && kind != "image/jpeg":
		out.Err = fmt.Errorf("what is at the address of the picture is %s, neither PNG nor JPEG", kind)
	}
	out.NoEffect = true
	return out
}

// Bind makes an ordinary QR code open the mini program (alipay.open.mini.qrcode.bind).
// It reads the rules before, to know afterwards what it did.
func (q *QRCodesClient) Bind(ctx context.Context, in BindQRCodeInput) (*BoundQRCode, error) {
	got, fresh := new(BoundQRCode), false
	before := func(ctx context.Context) error {
		rules, known, err := readBefore(ctx, q.c, cnwire.QRCodeBind, func(ctx context.Context, c *Client) ([]QRCodeRule, error) { return c.QRCodes.all(ctx) })
		fresh = known && !slices.ContainsFunc(rules, in.shownBy)
		return err
	}
	err := q.c.write(ctx, safeWrite{op: cnwire.QRCodeBind, in: in, got: got, before: before, prove: prover(q.all, func(after []QRCodeRule) (evidence, string) {
		seen, rule := evidenceOfBinding(in, after)
		if seen == evidenceDone && !fresh {
			return evidenceNone, "qrcodes.list shows a rule with the address and mode, perhaps of before"
		}
		got.RouteGroup = rule.RouteGroup
		return seen, "qrcodes.list does not show the rule"
	})})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// List lists the rules of bound QR codes (alipay.open.mini.qrcode.query), page by page.
func (q *QRCodesClient) List(ctx context.Context, in ListQRCodesInput) (*QRCodeList, error) {
	return read[QRCodeList](ctx, q.c, cnwire.QRCodeList, in)
}

// Unbind removes a rule (alipay.open.mini.qrcode.unbind).
func (q *QRCodesClient) Unbind(ctx context.Context, in UnbindQRCodeInput) error {
	return q.c.write(ctx, safeWrite{op: cnwire.QRCodeUnbind, in: in, prove: prover(q.all, func(rules []QRCodeRule) (evidence, string) {
		return evidenceOfUnbinding(in, rules), "qrcodes.list still shows the rule"
	})})
}

// all reads all pages. AlipayCN allows 20 rules, which are two pages; a list that
// goes on beyond ten is not believed, and neither is one that changed meanwhile: a
// rule that moved to a page which was read before would be missing in it.
func (q *QRCodesClient) all(ctx context.Context) ([]QRCodeRule, error) {
	const most, pageSize = 10, 10
	var rules []QRCodeRule
	var total Int
	for page := range most {
		list, err := whole(q.List(ctx, ListQRCodesInput{Page: page + 1, PageSize: pageSize}))
		if err != nil {
			return nil, err
		}
		if page == 0 {
			total = list.Total
		}
		rules = append(rules, list.Rules...)
		ended := len(list.Rules) == 0 || total > 0 && len(rules) >= int(total)
		switch {
		case list.Total != total, ended && len(rules) < int(total):
			return nil, inconclusive(cnwire.QRCodeList, "the list changed while it was read")
		case ended:
			return rules, nil
		}
	}
	return nil, inconclusive(cnwire.QRCodeList, "the list does not end")
}

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
		p.Add("query_param", "must be of the form key=value&key=value")
	}
	if in.Color != "" && !isColor(in.Color) {
		p.Add("color", "must be six hexadecimal digits, as in 0x00BFFF")
	}
	oneOf(&p, "size", in.Size, QRCodeSmall, QRCodeMedium, QRCodeLarge)
	return p.of(in, "QR code")
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
	Answer

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
		p.Add("route_url", "must be an http, https or ftp address")
	}
	p.required("page_redirection", in.Page)
	p.required("mode", string(in.Mode))
	oneOf(&p, "mode", in.Mode, RouteExact, RouteFuzzy)
	return p.of(in, "QR code rule")
}

func isRouteURL(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Host != "" && slices.Contains([]string{"http", "https", "ftp"}, address.Scheme)
}

// BoundQRCode is the answer of qrcodes.bind.
type BoundQRCode struct {
	Answer

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
		p.Add("page_no", "must be at least 1")
	}
	if in.PageSize < 1 || in.PageSize > 10 {
		p.Add("page_size", "must be 1 to 10")
	}
	return p.of(in, "QR code list")
}

// QRCodeList is the answer of qrcodes.list.
type QRCodeList struct {
	Answer

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
	return p.of(in, "QR code rule")
}

// evidenceOfBinding decides qrcodes.bind by all rules of the mini program, and
// returns the rule. How a list shows a rule with a pattern is not documented.
func evidenceOfBinding(in BindQRCodeInput, after []QRCodeRule) (evidence, QRCodeRule) {
	i := slices.IndexFunc(after, in.shownBy)
	if i >= 0 {
		return evidenceDone, after[i]
	}
	if in.RoutePattern != "" {
		return evidenceNone, QRCodeRule{}
	}
	return evidenceNotDone, QRCodeRule{}
}

// shownBy says whether a rule is the one asked for, as far as a list shows it: it
// does not show the page.
func (in BindQRCodeInput) shownBy(r QRCodeRule) bool {
	return r.RouteURL == in.RouteURL && r.Mode == in.Mode
}

// evidenceOfUnbinding decides qrcodes.unbind by all rules of the mini program.
func evidenceOfUnbinding(in UnbindQRCodeInput, after []QRCodeRule) evidence {
	return doneIf(!slices.ContainsFunc(after, func(r QRCodeRule) bool { return r.RouteGroup == in.RouteGroup }))
}
