package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"callweave/internal/secret"
)

const fileSuffix = "_FILE"

// fromFile reports whether a variable may be given as a file. The keyset has a variable of its own
// for that.
func fromFile(field reflect.StructField, name string) bool {
	return field.Type == reflect.TypeFor[secret.Text]() && name != "KEYSET"
}

// files looks up what was read from files first.
type files struct {
	envconfig.Lookuper
	read map[string]string
}

// Lookup implements [envconfig.Lookuper].
func (f files) Lookup(name string) (string, bool) {
	if text, ok := f.read[name]; ok {
		return text, true
	}
	return f.Lookuper.Lookup(name)
}

// withFiles reads the secrets that are given as files.
func withFiles(of reflect.Type, lookup envconfig.Lookuper) (envconfig.Lookuper, error) {
	found := files{lookup, map[string]string{}}
	return found, found.readAll(of)
}

func (f files) readAll(of reflect.Type) error {
	var problems []error
	for field := range of.Fields() {
		tag, tagged := field.Tag.Lookup("env")
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case !tagged && field.Anonymous:
			problems = append(problems, f.readAll(field.Type))
		case tagged && fromFile(field, name):
			problems = append(problems, f.readOne(name))
		}
	}
	return errors.Join(problems...)
}

func (f files) readOne(name string) error {
	path, _ := f.Lookuper.Lookup(name + fileSuffix)
	if path == "" {
		return nil
	}
	if text, _ := f.Lookuper.Lookup(name); text != "" {
		return fmt.Errorf("%s and %s are both set: want one of them", name, name+fileSuffix)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", name+fileSuffix, err)
	}
	f.read[name] = strings.TrimSpace(string(raw))
	return nil
}
