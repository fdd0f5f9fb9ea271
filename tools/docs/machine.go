package docs

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"unicode/utf8"
)

// MachineNames returns one line for each place where a file of repo names the machine that it was written on: a
// path that exists on no other, or the host of a package registry, which every reader sets for himself.
// It reads every text file but go.sum.
func MachineNames(repo fs.FS) ([]string, error) {
	names := machineName()
	var found []string
	err := walk(repo, func(name string) error {
		text, err := fs.ReadFile(repo, name)
		if err != nil || !utf8.Valid(text) || strings.HasSuffix(name, "go.sum") {
			return err
		}
		number := 0
		for line := range strings.SplitSeq(string(text), "\n") {
			number++
			if match := names.FindStringSubmatch(line); match != nil {
				found = append(found, fmt.Sprintf("%s:%d: %q does not belong here", name, number, match[1]+match[2]))
			}
		}
		return nil
	})
	return found, err
}

// machineName matches what must not be there. The hosts are put together here, so that this file does not hold them.
func machineName() *regexp.Regexp {
	const path = `(?:^|[^\w.\-/}])(/(?:home|root|tmp|work)/)`
	hosts := []string{
		"proxy.golang" + ".org", "sum.golang" + ".org", "registry.npmjs" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org",
		"crates" + ".io", "rubygems" + ".org", "repo1.maven" + ".org", "repo.maven.apache" + ".org",
	}
	for i, host := range hosts {
		hosts[i] = regexp.QuoteMeta(host)
	}
	return regexp.MustCompile(path + `|(` + strings.Join(hosts, "|") + `)`)
}
