package manifest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
)

const least = `version: 1
program:
  languages:
    - {language: en-US, name: Blue Lake Tea}
    - {language: zh-CN, name: 蓝湖茶}
release: {version: 1.2.3, package: app.zip}
rollout:
  version: 1
  steps: [{ratio: 10, bake: 1h}, {ratio: 100}]
`

func TestAShipFileSaysWhatIsShipped(t *testing.T) {
	ship, err := manifest.ParseShip([]byte(least))

	require.NoError(t, err)
	require.Equal(t, "蓝湖茶", ship.Program.Languages[1].Name)
	require.Equal(t, alipayplus.VersionNumber{Major: 1, Minor: 2, Patch: 3}, ship.Release.Version)
	require.Equal(t, "1h0m0s", ship.Rollout.Steps[0].Bake.Std().String())
}

// faults are the places and paths of all that is wrong, "line:column path".
func faults(t *testing.T, err error) (all []string) {
	t.Helper()
	wrong, ok := errors.AsType[*manifest.Error](err)
	require.True(t, ok, "%v", err)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	for _, f := range wrong.Faults {
		all = append(all, (&manifest.Error{Faults: []manifest.Fault{f}}).Error())
	}
	return all
}

func TestAllThatIsWrongIsFoundAtItsPlace(t *testing.T) {
	_, err := manifest.ParseShip([]byte(`version: 1
program:
  languages:
    - {language: en-US, nam: Blue Lake Tea}
  logo: [a]
release: {version: 1.2, pakage: app.zip}
rollout:
  version: 1
  steps: [{ratio: ten}, {ratio: 100}]
qrCode: {}
`))
	require.Equal(t, []string{
		`4:25: program.languages[0] has no field "nam"; did you mean name?`,
		`5:9: program.logo must be a text, and is a list`,
		`6:20: release.version "1.2" is not of the form x.y.z: it must have three numbers, as in 1.2.0`,
		`6:25: release has no field "pakage"; did you mean package?`,
		`9:19: rollout.steps[0].ratio must be a whole number, such as 10, and is "ten"`,
		`10:1: qrCode.file is required`,
	}, faults(t, err))
}

func TestRulesAreCheckedAtTheirPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		replace, by string
		want        []string
	}{
		"another version":      {"version: 1\nprogram", "version: 2\nprogram", []string{"1:1: version must be 1; this program reads no other"}},
		"no rollout":           {least[strings.Index(least, "rollout:"):], "", []string{"1:1: has no rollout: give the rollout spec by which the release reaches all users, or rolloutFile"}},
		"two rollouts":         {"rollout:", "rolloutFile: a\nrollout:", []string{"7:1: rolloutFile is given beside rollout; give one of them"}},
		"a ratio that falls":   {"{ratio: 10, bake: 1h}", "{ratio: 50}, {ratio: 10}", []string{"9:25: rollout.steps[1].ratio must be above 50%, the ratio of the step before"}},
		"no gate":              {"bake: 1h", "gates: [errors]", []string{`9:23: rollout.steps[0].gates names "errors", which is not among the gates`}},
		"a language twice":     {"zh-CN", "en-us", []string{"5:8: program.languages[1].language names a language that is there already"}},
		"no language":          {"zh-CN", "Chinese", []string{"5:8: program.languages[1].language must be a language tag such as zh-CN"}},
		"a value that is null": {"package: app.zip", "package: ", []string{"6:36: release.package has no value; give one, or remove the field"}},
		"a field twice":        {"package: app.zip", "package: a, package: b", []string{"6:39: release.package is given twice"}},
		"no e-mail address":    {"package: app.zip", "basicInfo: {contactEmail: mei}", []string{"6:39: release.basicInfo.contactEmail must be an e-mail address"}},
		"no host":              {"release:", "  configuration: {serverDomains: [\"https://a.example\"]}\nrelease:", []string{"6:35: program.configuration.serverDomains[0] must be a host name such as api.example.com, without scheme, port or path"}},
		"a control character":  {"Blue Lake Tea", `"Blue\u202eTea"`, []string{"4:25: program.languages[0].name must not hold the control U+202E of the writing direction"}},
		"no YAML":              {"version: 1\nprogram", "version: [\nprogram", []string{"2:1: is no YAML: did not find expected ',' or ']'"}},
		"no fields":            {least, "ship it", []string{`1:1: must be fields with values, and is "ship it"`}},
		"nothing":              {least, "# nothing\n", []string{"1:1: is empty"}},
		"two documents":        {least, least + "---\n" + least, []string{"1:1: must be one document"}},
		"an alias of itself":   {"release:", "  configuration: &a {serverDomains: [*a]}\nrelease:", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, least, tt.replace)
			_, err := manifest.ParseShip([]byte(strings.Replace(least, tt.replace, tt.by, 1)))
			require.Error(t, err)
			if got := faults(t, err); tt.want != nil {
				require.Equal(t, tt.want, got)
			}
		})
	}
}

func TestASpecIsReadAsTheLibraryReadsIt(t *testing.T) {
	for _, sample := range []string{"release.yaml", "try.yaml", "try-alipaycn.yaml"} {
		text, err := os.ReadFile("../samples/" + sample)
		require.NoError(t, err)
		_, err = manifest.ParseSpec(text)
		require.NoError(t, err, sample)
	}
	_, err := manifest.ParseSpec([]byte("version: 1\nsteps:\n  - ratio: 50\n  - ratio: 10\n  - ratio: 1e2\n"))
	require.Equal(t, []string{`5:12: steps[2].ratio must be a whole number, such as 10, and is "1e2"`}, faults(t, err))
	_, err = manifest.ParseSpec([]byte("version: 1\nsteps:\n  - &one {ratio: 50, bake: 1m}\n  - {<<: *one, ratio: 60}\n  - ratio: 100\n    bake: 1h\n"))
	require.Equal(t, []string{"5:5: steps[2] must have no bake time, gates or deadline: nothing comes after all users have the version"}, faults(t, err))
}

func FuzzParseShip(f *testing.F) {
	f.Add(least)
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		ship, err := manifest.ParseShip([]byte(text))
		if (ship == nil) == (err == nil) {
			t.Errorf("%v, %v", ship, err)
		}
	})
}
