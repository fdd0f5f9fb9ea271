package sim

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// atConsole is how the processes of browsers are named, after the person's name.
const atConsole = " at the console"

// browser is a person at the platform's console: signed in, on a page, with forms that may be older than what they are about.
type browser struct {
	*person

	http *http.Client
	// kept are forms of pages that are still open.
	kept []form
}

// form is a form of a page as it is sent.
type form struct {
	action string
	fields url.Values
}

// startBrowser lets a member, or a reviewer, do at the console what others do by calls.
func (w *world) startBrowser(m *member, random uint64, act func(*browser)) {
	p := &person{member: m, process: newProcess(w.ctx, m.name+atConsole, true), w: w, random: w.source(random)}
	p.client = w.client(m, p.process)
	b := &browser{person: p}
	go p.work(func(*person) {
		if !w.faults.over() && (b.http != nil || b.signIn()) {
			act(b)
		}
	})
}

// signIn follows the address that a call gives.
func (b *browser) signIn() bool {
	at, err := b.client.Sessions.Begin(b.ctx, alipayplus.BeginSessionInput{})
	b.did("sign in", err)
	if err != nil {
		return false
	}
	page, token, _ := strings.Cut(at.URL, "?token=")
	b.w.secrets = append(b.w.secrets, token)
	jar, err := cookiejar.New(nil)
	b.w.ok(err)
	b.http = b.w.network.client(b.process)
	b.http.Jar = jar
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _ := b.do(http.MethodPost, page, url.Values{"token": {token}})
	if status != http.StatusSeeOther { // that it was lost shows the next page
		b.http = nil
	}
	return b.http != nil
}

// do sends a request and reads the page; 0: there is none.
func (b *browser) do(method, address string, fields url.Values) (status int, page string) {
	if strings.HasPrefix(address, "/") {
		address = "https://" + platformHost + address
	}
	var body io.Reader = http.NoBody
	if fields != nil {
		body = strings.NewReader(fields.Encode())
	}
	r, err := http.NewRequestWithContext(b.ctx, method, address, body)
	b.w.ok(err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(r)
	if err != nil {
		return 0, ""
	}
	content, err := readAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	if resp.StatusCode == http.StatusUnauthorized {
		b.http = nil
	}
	return resp.StatusCode, string(content)
}

var (
	linkTag   = regexp.MustCompile(`<a href="(/console/(?:releases|reviews)/[^"/?]+)"`)
	formTag   = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)"([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<input ([^>]*)>`)
	selectTag = regexp.MustCompile(`(?s)<select name="([^"]*)"[^>]*>(.*?)</select>`)
	optionTag = regexp.MustCompile(`<option value="([^"]*)"`)
	nameValue = regexp.MustCompile(`\b(name|value|type)="([^"]*)"`)
)

// open opens one of the pages that a list has links to, and reads its forms about that.
func (b *browser) open(list string) (forms []form) {
	status, page := b.do(http.MethodGet, platform.ConsolePath+list, nil)
	links := linkTag.FindAllStringSubmatch(page, -1)
	if status != http.StatusOK || len(links) == 0 || b.http == nil {
		return nil
	}
	at := links[b.random.IntN(len(links))][1]
	driven := b.party == "" && slices.Contains(b.w.workspaceOf(b.member).driven, path.Base(at))
	if driven && b.random.IntN(10) > 0 {
		return nil // which a job drives
	}
	_, page = b.do(http.MethodGet, at, nil)
	for _, found := range formTag.FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(found[1], at) && !strings.Contains(found[2], "multipart") && !(driven && path.Base(found[1]) == "delete") {
			forms = append(forms, form{found[1], b.filledIn(found[3])})
		}
	}
	return forms
}

// filledIn are the fields of a form.
func (b *browser) filledIn(content string) url.Values {
	fields := url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(content, -1) {
		of := map[string]string{}
		for _, attribute := range nameValue.FindAllStringSubmatch(input[1], -1) {
			of[attribute[1]] = html.UnescapeString(attribute[2])
		}
		if of["type"] != "checkbox" || b.random.IntN(4) > 0 {
			fields.Set(of["name"], of["value"])
		}
	}
	for _, choice := range selectTag.FindAllStringSubmatch(content, -1) {
		if options := optionTag.FindAllStringSubmatch(choice[2], -1); len(options) > 0 {
			fields.Set(choice[1], html.UnescapeString(options[b.random.IntN(len(options))][1]))
		}
	}
	return fields
}

// send sends a form, and sometimes twice: it was clicked twice, or the page was loaded again.
func (b *browser) send(f form) {
	for {
		status, _ := b.do(http.MethodPost, f.action, f.fields)
		b.did("send "+f.action, nil)
		if b.http == nil || status != 0 && b.random.IntN(5) > 0 || b.random.IntN(3) == 0 {
			return
		}
		if !sleep(b.process, time.Duration(b.random.Int64N(int64(time.Minute)))) {
			return
		}
	}
}

// release sends a form about a release: of a page that was just opened, or of one that was opened long ago.
func (b *browser) release() {
	if n := len(b.kept); n > 0 && b.random.IntN(4) == 0 {
		b.send(b.kept[b.random.IntN(n)])
		return
	}
	forms := b.open("releases")
	if len(forms) == 0 {
		return
	}
	const most = 4
	b.kept = append(b.kept[max(0, len(b.kept)+1-most):], forms[b.random.IntN(len(forms))])
	b.send(forms[b.random.IntN(len(forms))])
}

// review decides about one request that waits.
func (b *browser) review() {
	for _, f := range b.open("reviews") {
		f.fields.Set("verdict", "approve")
		if b.random.IntN(5) == 0 {
			f.fields.Set("verdict", "reject")
			f.fields.Set("reason", "no privacy policy")
		}
		b.send(f)
	}
}
