package config

import (
	"fmt"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Variable is one setting as users see it.
type Variable struct {
	Name    string
	Default string
	Help    string
}

// temporalVariables are read by Temporal's own configuration package, which shares them
// and its profiles with the `temporal` command.
func temporalVariables() []Variable {
	return []Variable{
		{"TEMPORAL_ADDRESS", "localhost:7233", "frontend of the Temporal cluster"},
		{"TEMPORAL_NAMESPACE", "default", "namespace of the workflows"},
		{"TEMPORAL_API_KEY, TEMPORAL_TLS, …", "", "the rest of Temporal's own variables, as the temporal command reads them"},
	}
}

// otelVariables are read by OpenTelemetry's own packages.
func otelVariables() []Variable {
	return []Variable{
		{"OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, …", "", "the standard OpenTelemetry variables; traces go nowhere unless one of these is set"},
	}
}

// Variables lists every variable of a configuration struct, in its order, and the ones
// that libraries read themselves.
func Variables[T any]() []Variable {
	variables := fields(reflect.TypeFor[T]())
	variables = append(variables, temporalVariables()...)
	return append(variables, otelVariables()...)
}

func fields(of reflect.Type) []Variable {
	var variables []Variable
	for field := range of.Fields() {
		tag, tagged := field.Tag.Lookup("env")
		if !tagged {
			if field.Anonymous {
				variables = append(variables, fields(field.Type)...)
			}
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		_, byDefault, _ := strings.Cut(options, "default=")
		help := field.Tag.Get("help")
		if fromFile(field, name) {
			help += "; or " + name + "_FILE: a file that holds it"
		}
		variables = append(variables, Variable{Name: name, Default: byDefault, Help: help})
	}
	return variables
}

// Help is the table of all variables of a configuration struct for `--help`.
func Help[T any]() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, v := range Variables[T]() {
		help := v.Help
		if v.Default != "" {
			help += " (" + v.Default + ")"
		}
		fmt.Fprintf(table, "  %s\t%s\n", v.Name, help)
	}
	_ = table.Flush() // a strings.Builder never fails
	return text.String()
}
