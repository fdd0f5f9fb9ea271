// Package browser visits in a real Chromium what a person visits: the page on which a
// merchant authorizes the platform, as package alipaycntest serves it for AlipayCN, and
// the pages of the platform itself. It holds tests only, which are skipped where no Chromium is
// installed; `bash .ci/run browser` installs one on Debian. With SCREENSHOTS=FOLDER each page
// that they see is kept there as a picture.
package browser
