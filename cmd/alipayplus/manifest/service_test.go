package manifest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
)

const service = `name: Menus for tea houses
industry: Catering
type: MINI_PROGRAM_DEVELOPMENT
description: Builds a mini program with a menu.
image: service.png
applicableApps: [ALIPAY_CN]
paymentInformation:
  - text: Half before, half after.
  - image: schedule.png
    description: The schedule
  - table:
      header: [when, share]
      rows: [[before, 50 %], [after, 50 %]]
`

func TestAServiceFileIsAServiceWithFiles(t *testing.T) {
	read, err := manifest.ParseService([]byte(service))
	require.NoError(t, err)
	var paths []string
	id := func(path string) (string, error) {
		paths = append(paths, path)
		return "id of " + path, nil
	}

	described, err := read.Describe(id)

	require.NoError(t, err)
	require.Equal(t, []string{"service.png", "schedule.png"}, paths)
	require.Equal(t, alipayplus.Content{
		alipayplus.TextBlock("Half before, half after."),
		alipayplus.ImageBlock("id of schedule.png", "The schedule"),
		alipayplus.TableBlock([]string{"when", "share"}, []string{"before", "50 %"}, []string{"after", "50 %"}),
	}, described.PaymentInformation)
	_, err = read.Describe(func(string) (string, error) { return "", errors.New("no such file") })
	require.EqualError(t, err, "no such file")
}

func TestWhatIsWrongInAServiceFileIsFoundAtItsPlace(t *testing.T) {
	_, err := manifest.ParseService([]byte("name: Tea\npaymentInformation:\n  - {}\n  - {text: a, table: {header: []}}\n"))
	require.Equal(t, []string{
		"1:1: industry is required",
		"1:1: description is required",
		"1:1: image is required",
		"3:5: paymentInformation[0] must have exactly one of text, image (with a description, or without) and table",
		"4:5: paymentInformation[1] must have exactly one of text, image (with a description, or without) and table",
		"4:15: paymentInformation[1].table.rows is required",
		"4:23: paymentInformation[1].table.header must have at least 1 entry",
	}, faults(t, err))
	_, err = manifest.ParseService([]byte(service + "details:\n  - table: {header: [a], rows: [[b, c]]}\n"))
	require.Len(t, faults(t, err), 1)
}
