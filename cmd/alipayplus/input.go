package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// input makes the input of a call from the arguments of a command, its flags, and the file
// of -f. Arguments win over the file, and so do flags.
type input struct {
	of   reflect.Type
	args []string
	// hidden are the fields that the command gives itself.
	hidden []string
	late   bool
	// names are what a user gives for the fields: "--program" for programId.
	names map[string]string
	flags []*fieldFlag
	file  string
}

// fieldFlag is the flag of a field.
type fieldFlag struct {
	field string
	of    reflect.Type
	// fallback is the value where neither the flag nor the file gives one; may be empty.
	fallback string
	// value is zero until the flag is given.
	value reflect.Value
}

// helpOf is the help of a flag, with the words that it takes.
func helpOf(doc fieldDoc, of reflect.Type) string {
	words := wordsOf(of)
	if len(words) < 2 || of == reflect.TypeFor[alipayplus.SortOrder]() {
		return doc.help
	}
	return doc.help + ": " + strings.Join(words, ", ")
}

// newInput gives a command the flags of an input: one for each field of a plain value that
// is no argument.
func newInput(cmd *cobra.Command, of reflect.Type, s spec) *input {
	in := &input{of: of, args: s.args, hidden: s.hidden, late: s.late, names: make(map[string]string)}
	for i, word := range strings.Fields(s.use)[1:] {
		if i < len(s.args) {
			in.names[s.args[i]] = word
		}
	}
	if s.file != "" {
		cmd.Flags().StringVarP(&in.file, "file", "f", "", "the `file` with "+s.file+", YAML or JSON; -: standard input")
	}
	for _, field := range fieldsOf(of) {
		doc, documented := fieldDocs()[field.name]
		if !documented || slices.Contains(s.args, field.name) || slices.Contains(s.hidden, field.name) || !plain(field.of) {
			continue
		}
		flag := &fieldFlag{field: field.name, of: field.of}
		in.flags = append(in.flags, flag)
		in.names[field.name] = "--" + doc.flag
		flag.fallback = s.defaults[field.name]
		cmd.Flags().Var(flag, doc.flag, helpOf(doc, field.of))
		if field.of.Kind() == reflect.Bool {
			cmd.Flags().Lookup(doc.flag).NoOptDefVal = "true"
		}
		if words := wordsOf(field.of); words != nil {
			_ = cmd.RegisterFlagCompletionFunc(doc.flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	return in
}

// field is a field of an input by its name in JSON.
type field struct {
	name string
	of   reflect.Type
	at   []int
}

// fieldsOf returns the fields that an input has in JSON, with those of embedded structs.
func fieldsOf(t reflect.Type) (all []field) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			all = append(all, field{name, f.Type, f.Index})
		}
	}
	return all
}

// plain says whether a flag can hold a value of the type.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.String
	default:
		return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	}
}

// read makes the input, and checks it as far as that is possible without a call.
func (in *input) read(args []string, stdin io.Reader) (reflect.Value, error) {
	value := reflect.New(in.of).Elem()
	if in.of.Kind() == reflect.String { // an id
		value.SetString(args[0])
		return value, nil
	}
	if in.file != "" {
		if err := readFile(in.file, stdin, value.Addr().Interface()); err != nil {
			return value, misused("%s: %w", in.file, err)
		}
	}
	fields := fieldsOf(in.of)
	field := func(name string) reflect.Value {
		for _, f := range fields {
			if f.name == name {
				return value.FieldByIndex(f.at)
			}
		}
		panic("the input has no field " + name)
	}
	for i, name := range in.args {
		if err := parse(args[i], field(name)); err != nil {
			return value, misused("%s: %w", in.names[name], err)
		}
	}
	for _, flag := range in.flags {
		switch into := field(flag.field); {
		case flag.value.IsValid():
			into.Set(flag.value)
		case flag.fallback != "" && into.IsZero():
			if err := parse(flag.fallback, into); err != nil {
				return value, err
			}
		}
	}
	if in.late {
		return value, nil
	}
	return value, in.check(value.Interface())
}

// check checks an input, and names what is wrong by argument and flag.
func (in *input) check(value any) error {
	checked, ok := value.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := checked.Validate()
	if broken, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		named := &alipayplus.ValidationError{Subject: broken.Subject}
		for _, f := range broken.Fields {
			if name, ok := in.names[f.Path]; ok {
				f.Path = name
			}
			named.Fields = append(named.Fields, f)
		}
		err = named
	}
	if err != nil {
		return wrongUse{err}
	}
	return nil
}

// String is the value that the flag has without being given.
func (f *fieldFlag) String() string { return f.fallback }

// Type is how [valueError] and the help call the value.
func (f *fieldFlag) Type() string {
	if f == nil || f.of == nil {
		return "string"
	}
	switch f.of.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int64:
		return "int"
	default:
		return "string"
	}
}

// Set takes the value; a list may be given in several flags.
func (f *fieldFlag) Set(text string) error {
	value := reflect.New(f.of).Elem()
	if err := parse(text, value); err != nil {
		return err
	}
	if f.value.IsValid() && f.of.Kind() == reflect.Slice {
		value = reflect.AppendSlice(f.value, value)
	}
	f.value = value
	return nil
}

// parse reads a value from its text.
func parse(text string, into reflect.Value) error {
	word, err := knownWord(text, into.Type())
	if err != nil {
		return err
	}
	if reader, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return reader.UnmarshalText([]byte(text))
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(word)
	case reflect.Bool:
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		into.SetBool(yes)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSuffix(text, "%"), 10, 32)
		if err != nil {
			return err
		}
		into.SetInt(n)
	case reflect.Slice:
		for part := range strings.SplitSeq(text, ",") {
			element := reflect.New(into.Type().Elem()).Elem()
			if err := parse(strings.TrimSpace(part), element); err != nil {
				return err
			}
			into.Set(reflect.Append(into, element))
		}
	default:
		return fmt.Errorf("no flag can hold a %v", into.Type())
	}
	return nil
}

// knownWord returns the word of an enum that is meant, whose letters may be of either case.
// A word that is like none of them passes: enums are open.
func knownWord(text string, of reflect.Type) (string, error) {
	switch of {
	case reflect.TypeFor[alipayplus.SortOrder]():
		order := choice{of: wordsOf(of)}
		err := order.Set(text)
		return map[string]string{"newest": string(alipayplus.NewestFirst), "oldest": string(alipayplus.OldestFirst)}[order.value], err
	case reflect.TypeFor[alipaycn.GrayStrategy]():
		n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
		if err != nil {
			return "", errors.New("it must be 10, 30 or 50")
		}
		strategy, err := alipaycn.GrayStrategyOf(alipayplus.Ratio(n))
		return string(strategy), err
	}
	words := wordsOf(of)
	if len(words) == 0 || of.Kind() != reflect.String || text == "" {
		return text, nil
	}
	for _, word := range words {
		if strings.EqualFold(word, text) {
			return word, nil
		}
	}
	if meant := validation.Nearest(text, words); meant != "" {
		return "", fmt.Errorf("%q is not known; did you mean %s?", text, meant)
	}
	return text, nil
}

// readFile reads an input from a file, where a field that is not known would be left out
// silently.
func readFile(name string, stdin io.Reader, into any) error {
	content, err := readAll(name, stdin)
	if err != nil {
		return err
	}
	var document yaml.Node
	texts := yaml.NewDecoder(bytes.NewReader(content))
	switch err := texts.Decode(&document); {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case err != nil:
		return err
	case !errors.Is(texts.Decode(new(yaml.Node)), io.EOF):
		return errors.New("it must be one document")
	}
	noTimes(&document)
	var value any
	if err := document.Decode(&value); err != nil {
		return err
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fileError(err, reflect.TypeOf(into))
	}
	return nil
}

// readAll reads a file, or standard input.
func readAll(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// noTimes has what looks like a date read as the text that it is.
func noTimes(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, inner := range n.Content {
		noTimes(inner)
	}
}

// fileError says what is wrong in a file without the terms of Go.
func fileError(err error, of reflect.Type) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: it cannot be a %s", wrong.Field, wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		if meant := validation.Nearest(name, namesIn(of, nil)); meant != "" {
			return fmt.Errorf("there is no field %q; did you mean %q?", name, meant)
		}
		return fmt.Errorf("there is no field %q", name)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// namesIn are the names of all fields of a type in JSON, with those of the types in it.
func namesIn(t reflect.Type, seen []reflect.Type) (names []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if slices.Contains(seen, t) {
		return nil
	}
	for _, f := range fieldsOf(t) {
		names = append(append(names, f.name), namesIn(f.of, append(seen, t))...)
	}
	return names
}

// wordsOf are the known values of an enum, as flags take them; nil: it is none.
func wordsOf(t reflect.Type) []string { //nolint:gocyclo // a table
	switch t {
	case reflect.TypeFor[alipayplus.SortOrder]():
		return []string{"newest", "oldest"}
	case reflect.TypeFor[alipaycn.GrayStrategy]():
		return []string{"10", "30", "50"}
	case reflect.TypeFor[alipayplus.ReleaseStatus]():
		return words(alipayplus.ReleaseStatuses()...)
	case reflect.TypeFor[alipayplus.ServiceStatus]():
		return words(alipayplus.ServiceDraft, alipayplus.ServicePendingReview, alipayplus.ServiceOnline, alipayplus.ServiceTurnedDown,
			alipayplus.ServiceWithdrawn, alipayplus.ServiceArchived)
	case reflect.TypeFor[alipayplus.ServiceType]():
		return words(alipayplus.ServiceMiniProgramDevelopment)
	case reflect.TypeFor[alipayplus.OrderStatus]():
		return words(alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment, alipayplus.OrderUnderApproval,
			alipayplus.OrderCompleted, alipayplus.OrderCanceled)
	case reflect.TypeFor[alipayplus.OrderSide]():
		return words(alipayplus.SideMerchant, alipayplus.SideProvider)
	case reflect.TypeFor[alipayplus.RequestStatus]():
		return words(alipayplus.RequestUnderReview, alipayplus.RequestApproved, alipayplus.RequestRejected, alipayplus.RequestWithdrawn)
	case reflect.TypeFor[alipayplus.RequestCategory]():
		return words(alipayplus.CategoryServiceRelease, alipayplus.CategoryProgramRelease)
	case reflect.TypeFor[alipayplus.TargetApp]():
		return words(alipayplus.TargetAlipayCN)
	case reflect.TypeFor[alipayplus.QRCodeType]():
		return words(alipayplus.QRCodePromo)
	case reflect.TypeFor[alipaycn.VersionStatus](), reflect.TypeFor[alipaycn.StatusList]():
		return words(alipaycn.VersionStatuses()...)
	case reflect.TypeFor[alipaycn.MemberRole]():
		return words(alipaycn.RoleDeveloper, alipaycn.RoleExperiencer)
	case reflect.TypeFor[alipaycn.BundleID]():
		return words(alipaycn.BundleAlipay, alipaycn.BundleDingTalk, alipaycn.BundleAmap, alipaycn.BundleGenie, alipaycn.BundleIoT)
	case reflect.TypeFor[alipaycn.RouteMode]():
		return words(alipaycn.RouteExact, alipaycn.RouteFuzzy)
	case reflect.TypeFor[alipaycn.QRCodeSize]():
		return words(alipaycn.QRCodeSmall, alipaycn.QRCodeMedium, alipaycn.QRCodeLarge)
	default:
		return nil
	}
}

func words[T ~string](values ...T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
