package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// application is the file of -application: what AlipayCN reviews, by AlipayCN's names.
// What is left out stays as AlipayCN saved it last.
type application struct {
	VersionDesc    string   `yaml:"version_desc"`
	AppName        string   `yaml:"app_name"`
	AppEnglishName string   `yaml:"app_english_name"`
	AppSlogan      string   `yaml:"app_slogan"`
	AppDesc        string   `yaml:"app_desc"`
	Categories     []string `yaml:"mini_category_ids"`
	ServicePhone   string   `yaml:"service_phone"`
	ServiceEmail   string   `yaml:"service_email"`
	RegionType     string   `yaml:"region_type"`
	Regions        []region `yaml:"service_region_info"`

	LicenseNo        string `yaml:"license_no"`
	LicenseName      string `yaml:"license_name"`
	LicenseValidDate string `yaml:"license_valid_date"`
	Memo             string `yaml:"memo"`
	TestAccount      string `yaml:"test_account"`
	// TestPasswordFrom is the variable that has the password: it does not belong here.
	TestPasswordFrom string `yaml:"test_password_from"`
	AuditRule        string `yaml:"audit_rule"`
	SpeedUp          *bool  `yaml:"speed_up"`

	// The files are named by their paths from the folder of this one.
	AppLogo            string   `yaml:"app_logo"`
	ScreenShots        []string `yaml:"screen_shots"`
	LicensePics        []string `yaml:"license_pics"`
	SpecialLicensePics []string `yaml:"special_license_pics"`
	OutDoorPic         string   `yaml:"out_door_pic"`
	TestFile           string   `yaml:"test_file"`
}

type region struct {
	ProvinceCode string `yaml:"province_code"`
	ProvinceName string `yaml:"province_name"`
	CityCode     string `yaml:"city_code"`
	CityName     string `yaml:"city_name"`
	AreaCode     string `yaml:"area_code"`
	AreaName     string `yaml:"area_name"`
}

// readApplication reads what to apply for review with, and checks it.
func readApplication(name string, number alipayplus.VersionNumber) (alipaycn.ApplyInput, error) {
	if name == "" {
		return alipaycn.ApplyInput{}, misused("version %v must be applied for review: give --application, the file with what AlipayCN reviews", number)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return alipaycn.ApplyInput{}, misused("--application: %w", err)
	}
	var a application
	if err := decode(content, &a); err != nil {
		return alipaycn.ApplyInput{}, misused("%s: %w", name, err)
	}
	in, err := a.input(filepath.Dir(name))
	if err == nil {
		in.Version = number
		err = in.Validate()
	}
	if err != nil {
		return in, misused("%s: %w", name, err)
	}
	return in, nil
}

// decode reads one document. A field that is not known would be left out silently.
func decode(content []byte, into *application) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	err := decoder.Decode(into)
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		words := strings.NewReplacer("not found in type main.", "is not known in ", "cannot unmarshal !!", "cannot read ")
		return errors.New(words.Replace(strings.Join(several.Errors, "; ")))
	}
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case err != nil:
		return err
	case !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF):
		return errors.New("it must be one document")
	default:
		return nil
	}
}

// input is what AlipayCN is applied to with. Paths begin in the folder.
func (a *application) input(folder string) (alipaycn.ApplyInput, error) {
	in := alipaycn.ApplyInput{
		Description: a.VersionDesc, AppName: a.AppName, AppEnglishName: a.AppEnglishName, AppSlogan: a.AppSlogan, AppDescription: a.AppDesc,
		Categories: a.Categories, ServicePhone: a.ServicePhone, ServiceEmail: a.ServiceEmail, RegionType: alipaycn.RegionType(a.RegionType),
		LicenseNo: a.LicenseNo, LicenseName: a.LicenseName, LicenseValidDate: alipaycn.Date(a.LicenseValidDate),
		Memo: a.Memo, TestAccount: a.TestAccount, AuditRule: alipaycn.AuditRule(a.AuditRule), SpeedUp: (*alipaycn.TextBool)(a.SpeedUp),
	}
	for _, r := range a.Regions {
		in.Regions = append(in.Regions, alipaycn.Region(r))
	}
	if a.TestPasswordFrom != "" {
		if in.TestPassword = os.Getenv(a.TestPasswordFrom); in.TestPassword == "" { // it may be the password itself, and is not shown
			return in, errors.New("test_password_from must be the name of a variable, which must be set")
		}
	}
	return in, a.files(folder, &in)
}

// files reads the pictures and the test file.
func (a *application) files(folder string, in *alipaycn.ApplyInput) error {
	for _, single := range []struct {
		path string
		into **alipaycn.File
	}{{a.AppLogo, &in.AppLogo}, {a.OutDoorPic, &in.OutDoorPic}, {a.TestFile, &in.TestFile}} {
		if single.path == "" {
			continue
		}
		file, err := readPart(folder, single.path)
		if err != nil {
			return err
		}
		*single.into = file
	}
	for _, several := range []struct {
		paths []string
		into  *[]alipaycn.File
	}{{a.ScreenShots, &in.ScreenShots}, {a.LicensePics, &in.LicensePics}, {a.SpecialLicensePics, &in.SpecialLicensePics}} {
		for _, path := range several.paths {
			file, err := readPart(folder, path)
			if err != nil {
				return err
			}
			*several.into = append(*several.into, *file)
		}
	}
	return nil
}

// readPart reads a file whose path begins in the folder.
func readPart(folder, path string) (*alipaycn.File, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &alipaycn.File{Name: filepath.Base(path), Content: bytes.NewReader(content), Size: int64(len(content))}, nil
}
