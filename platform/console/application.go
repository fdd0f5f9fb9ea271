package console

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// application is the form of what AlipayCN's reviewers see.
type application struct {
	// Texts are the fields with texts, by their names on the wire; lists have an entry a line.
	Texts    []difference
	TwoStage bool
	// Pictures are the fields with pictures, and those that they have.
	Pictures []pictures
}

type pictures struct {
	// At is the field, "logoFileId".
	At  string
	IDs []string
}

// mostPictures is how many pictures a field may have, but for the logo.
const mostPictures = 5

// applicationOf is the form for an application, which may be nil.
func applicationOf(of *alipayplus.AlipayCNApplication) application {
	if of == nil {
		of = &alipayplus.AlipayCNApplication{}
	}
	form := application{TwoStage: of.TwoStageReview}
	for _, field := range sides(of, of) {
		if !strings.Contains(field.Field, "FileId") {
			form.Texts = append(form.Texts, field)
		}
	}
	// A place for another one is the empty id.
	slots := func(ids []string) []string {
		return append(ids[:len(ids):len(ids)], make([]string, min(1, mostPictures-len(ids)))...)
	}
	form.Pictures = []pictures{{"logoFileId", []string{of.LogoFileID}}, {"screenshotFileIds", slots(of.ScreenshotFileIDs)}, {"licenseFileIds", slots(of.LicenseFileIDs)}}
	return form
}

// List says whether a field is entered with an entry a line.
func (application) List(field string) bool { return field == "categories" }

// configured is a configuration as it was entered, with the pictures that were chosen.
func (v *visit) configured(c alipayplus.Configuration) (alipayplus.Configuration, error) {
	c.ServerDomains, c.H5Domains = v.lines("serverDomains"), v.lines("h5Domains")
	if v.posted("alipayCn") == "" {
		return c, nil // the form is not about it
	}
	entered := alipayplus.AlipayCNApplication{TwoStageReview: v.posted("alipayCn.twoStageReview") != ""}
	if c.AlipayCN != nil {
		entered.Template = c.AlipayCN.Template
	}
	value := reflect.ValueOf(&entered).Elem()
	for i := range value.NumField() {
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		switch field := value.Field(i); {
		case strings.Contains(name, "FileId"):
		case field.Kind() == reflect.String:
			field.SetString(v.posted("alipayCn." + name))
		case field.Kind() == reflect.Slice:
			field.Set(reflect.ValueOf(v.lines("alipayCn." + name)))
		}
	}
	logo, err := v.pictures("logoFileId", 1)
	if err != nil {
		return c, err
	}
	entered.LogoFileID = strings.Join(logo, "")
	if entered.ScreenshotFileIDs, err = v.pictures("screenshotFileIds", mostPictures); err != nil {
		return c, err
	}
	if entered.LicenseFileIDs, err = v.pictures("licenseFileIds", mostPictures); err != nil {
		return c, err
	}
	c.AlipayCN = &entered
	if reflect.ValueOf(entered).IsZero() {
		c.AlipayCN = nil
	}
	return c, nil
}

// pictures are the pictures of a field: those that were there, without those that are to go, and those
// that were chosen now.
func (v *visit) pictures(field string, most int) (ids []string, err error) {
	for i := range most {
		at := fmt.Sprintf("alipayCn.%s.%d", field, i)
		id, err := v.image(at)
		if err != nil {
			return nil, err
		}
		if id != "" && v.posted(at+".remove") == "" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
