package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"callweave/internal/secret"
)

// wrongVerb is a variable, so that vet lets it pass.
var wrongVerb = "%d"

func TestNothingPrintsIt(t *testing.T) {
	t.Parallel()
	type holder struct {
		Token  secret.Text
		inside secret.Text // fmt reads unexported fields without asking their methods
	}
	held := holder{secret.New("hush-hush"), secret.New("hush-inside")}
	encoded, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", held.Token, "holder", held)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "token", held.Token, "holder", held)
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", held), "%+v": fmt.Sprintf("%+v", held), "%#v": fmt.Sprintf("%#v", held),
		"%s": fmt.Sprintf("%s", held.Token), "%q": fmt.Sprintf("%q", held.Token), "%x": fmt.Sprintf("%x", held.Token),
		"%d": fmt.Sprintf(wrongVerb, held.Token), "pointer": fmt.Sprintf("%v", &held), "json": string(encoded),
		"slog": logged.String(), "error": fmt.Errorf("bad token %v: %w", held.Token, errors.ErrUnsupported).Error(),
	} {
		if strings.Contains(text, "hush") || strings.Contains(text, fmt.Sprintf("%x", "hush-hush")) {
			t.Errorf("%s shows it: %s", name, text)
		}
	}
	if held.Token.Reveal() != "hush-hush" {
		t.Error("Reveal does not reveal")
	}
}

func TestEqualByValue(t *testing.T) {
	t.Parallel()
	one, same, other := secret.New("a"), secret.New("a"), secret.New("b")
	if one != same || one == other || secret.New("") != (secret.Text{}) {
		t.Error("secrets do not compare by their value")
	}
}

func TestAbsentIsNotRedacted(t *testing.T) {
	t.Parallel()
	if text := (secret.Text{}).String(); text != "" {
		t.Errorf("an absent secret prints %q", text)
	}
}
