package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"callweave/internal/reseal"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

func (b *bundle) keys(t *testing.T) []vault.KeyInfo {
	t.Helper()
	master, err := vault.OpenMaster(secret.New(b.env["KEYSET"]))
	if err != nil {
		t.Fatal(err)
	}
	return master.Keys()
}

// use runs a command that prints a keyset and goes on with it.
func (b *bundle) use(t *testing.T, args ...string) {
	t.Helper()
	code, out, problems := b.run(t, args...)
	if code != 0 || !strings.Contains(problems, "next: ") {
		t.Fatalf("starter %s: exit %d: %s", strings.Join(args, " "), code, problems)
	}
	b.env["KEYSET"] = strings.TrimSpace(out)
}

func (b *bundle) refused(t *testing.T, want string, args ...string) {
	t.Helper()
	code, out, problems := b.run(t, args...)
	if code != exitFailed || !strings.Contains(problems, want) || out != "" {
		t.Errorf("starter %s: exit %d, %q, want %q", strings.Join(args, " "), code, problems, want)
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	c := b.host(t, nil)
	first := b.keys(t)[0].ID

	b.use(t, "keys", "rotate")
	if keys := b.keys(t); len(keys) != 2 || !keys[0].Primary || keys[1].Primary {
		t.Fatalf("rotated: %+v", keys)
	}
	b.refused(t, "primary one", "keys", "drop", "--key", strconv.FormatUint(uint64(first), 10))
	b.use(t, "keys", "promote")
	second := b.keys(t)[1]
	if !second.Primary || second.ID == first {
		t.Fatalf("promoted: %+v", b.keys(t))
	}
	b.refused(t, "already", "keys", "promote")

	var census reseal.Census
	b.json(t, &census, "keys", "status")
	if census.Left() != 2 || census.Of(first).Places["orgs.mist_token_sealed"] != 1 || census.Of(first).Places["vault.data_keys.key_sealed"] != 1 {
		t.Errorf("status: %+v", census)
	}
	if code, out, _ := b.run(t, "keys", "status"); code != 0 || !strings.Contains(out, "seals") || !strings.Contains(out, "opens") {
		t.Errorf("status as text: %s", out)
	}
	drop := []string{"keys", "drop", "--key", strconv.FormatUint(uint64(first), 10)}
	b.refused(t, "2 values", drop...)

	s, v := b.open(t)
	if progress, err := reseal.Batch(t.Context(), s, v.Master(), reseal.Cursor{}, 1000); err != nil || progress.Resealed != 2 {
		t.Fatalf("resealed %+v, %v", progress, err)
	}
	b.refused(t, "keys reseal", drop...)
	// A workflow from before the resealing may hold payloads that the key sealed.
	held, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "before", TaskQueue: workflows.TaskQueue}, workflows.LinkWorkflow, workflows.LinkInput{})
	if err != nil {
		t.Fatal(err)
	}
	noteResealed(t, s, second.ID)
	testenv.Eventually(t, func() string { // visibility follows later
		_, _, problems := b.run(t, drop...)
		if !strings.Contains(problems, "1 workflow executions, 1 of them running") {
			return problems
		}
		return ""
	})
	b.refused(t, "--force-histories", drop...)
	if err := c.TerminateWorkflow(t.Context(), held.GetID(), "", "test"); err != nil {
		t.Fatal(err)
	}
	b.use(t, append(drop, "--force-histories")...)
	if keys := b.keys(t); len(keys) != 1 || keys[0].ID != second.ID {
		t.Errorf("dropped: %+v", keys)
	}
	b.json(t, &census, "keys", "status")

	var acts []struct{ Actor, Action, Object string }
	b.json(t, &acts, "audit")
	var did []string
	for _, act := range acts {
		if strings.HasPrefix(act.Action, "key ") && act.Actor == "cli" {
			did = append(did, act.Action)
		}
	}
	if got := strings.Join(did, ", "); got != "key dropped, key promoted, key added" {
		t.Errorf("audit log: %s", got)
	}
}

// With nothing left from before, a key is dropped without force.
func TestKeyThatNothingNeedsIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.host(t, nil)
	first := b.keys(t)[0].ID
	b.use(t, "keys", "rotate")
	b.use(t, "keys", "promote")
	s, v := b.open(t)
	if _, err := reseal.Batch(t.Context(), s, v.Master(), reseal.Cursor{}, 1000); err != nil {
		t.Fatal(err)
	}
	noteResealed(t, s, v.Master().PrimaryID())
	b.use(t, "keys", "drop", "--key", strconv.FormatUint(uint64(first), 10))
	if keys := b.keys(t); len(keys) != 1 || keys[0].ID == first {
		t.Errorf("keys %+v", keys)
	}
}

func noteResealed(t *testing.T, s *store.Store, id uint32) {
	t.Helper()
	if err := s.Audit(t.Context(), store.Entry{Actor: "reseal", Action: reseal.AuditAction, Object: reseal.AuditObject(id)}); err != nil {
		t.Fatal(err)
	}
}

// A keyset that is not the database's is not rotated: its result would lock everybody out.
func TestForeignKeysetIsNotRotated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	_, b.env["KEYSET"], _ = b.run(t, "keys", "new")
	for _, command := range []string{"rotate", "promote", "status"} {
		b.refused(t, "another keyset", "keys", command)
	}
}

func TestKeysetIsWrittenToANewFileOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := filepath.Join(t.TempDir(), "keyset")
	var done struct{ File string }
	b.json(t, &done, "keys", "rotate", "--out", file)
	content, err := os.ReadFile(file)
	if err != nil || done.File != file {
		t.Fatalf("wrote %q: %v", done.File, err)
	}
	if _, err := vault.OpenMaster(secret.New(string(content))); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	code, out, problems := b.run(t, "keys", "rotate", "--out", file)
	if again, _ := os.ReadFile(file); code != exitFailed || !strings.Contains(problems, "not overwritten") || !bytes.Equal(again, content) || out != "" {
		t.Errorf("again: exit %d, %q", code, problems)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

// A starter whose keyset is missing, unreadable or not the database's refuses to serve.
func TestServeRefusesAKeysetThatDoesNotFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	own := b.env["KEYSET"]
	_, other, _ := b.run(t, "keys", "new")
	file := filepath.Join(t.TempDir(), "keyset")
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ keyset, file, want string }{
		{"", "", "starter keys new"},
		{" ", "", "it is empty"},
		{"nonsense!", "", "neither JSON nor base64"},
		{"e30=", "", "not a Tink keyset"},
		{own, file, "both set"},
		{"", file + "-absent", "KEYSET_FILE"},
		{strings.TrimSpace(other), "", "another keyset"},
		{"", file, "another keyset"},
	} {
		b.env["KEYSET"], b.env["KEYSET_FILE"] = test.keyset, test.file
		code, _, problems := b.run(t, "serve")
		if code != exitFailed || !strings.Contains(problems, test.want) || strings.Contains(problems, strings.TrimSpace(other)) || strings.Contains(problems, own) {
			t.Errorf("KEYSET %d bytes, KEYSET_FILE %q: exit %d, %s", len(test.keyset), test.file, code, problems)
		}
		if warned := strings.Contains(problems, "not kept safely"); warned != (test.file == file) {
			t.Errorf("KEYSET_FILE %q: warned %v", test.file, warned)
		}
	}
}

func TestTokensAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	_, token, _ := b.run(t, "token", "create", "--org", b.org.String(), "--role", "admin")
	token = strings.TrimSpace(token)
	mux := b.serveRoutes(t)
	status := func(target string) int {
		request := httptest.NewRequest(http.MethodGet, target, nil)
		request.Header.Set("Authorization", "Token "+token)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		return answer.Code
	}
	links := "/api/v1/orgs/" + b.org.String() + "/setting/zoom/link_accounts"
	if got := status(links); got != http.StatusOK {
		t.Fatalf("a token in force: status %d", got)
	}
	var list []shownToken
	b.json(t, &list, "token", "list", "--org", b.org.String())
	if len(list) != 1 || list[0].Role != "admin" || list[0].LastUsedAt == nil || list[0].RevokedAt != nil {
		t.Fatalf("listed %+v", list)
	}
	revoke := []string{"token", "revoke", "--org", b.org.String(), "--token", list[0].TokenID.String()}
	b.refused(t, "not found", "token", "revoke", "--org", uuid.NewString(), "--token", list[0].TokenID.String())
	if code, out, problems := b.run(t, revoke...); code != 0 || !strings.Contains(out, list[0].TokenID.String()) {
		t.Fatalf("exit %d: %s", code, problems)
	}
	if got := status(links); got != http.StatusUnauthorized {
		t.Errorf("a revoked token: status %d", got)
	}
	b.refused(t, "not found", revoke...)
	code, out, _ := b.run(t, "token", "list", "--org", b.org.String())
	if b.json(t, &list, "token", "list", "--org", b.org.String()); code != 0 || list[0].RevokedAt == nil || strings.Contains(out, token) {
		t.Errorf("after: %+v, %s", list, out)
	}
	b.refused(t, "not found", "token", "list", "--org", uuid.NewString())
}

func TestAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	if code, _, problems := b.run(t, "link", "start", "--org", b.org.String(), "--forward", "https://portal.example/"); code != 0 {
		t.Fatal(problems)
	}
	_, token, _ := b.run(t, "token", "create", "--org", b.org.String(), "--role", "admin")
	s, _ := b.open(t)
	if err := s.NoteUse(store.WithActor(t.Context(), "harvest/zoom/"+account), zoomAccount); err != nil {
		t.Fatal(err)
	}
	want := "token used, token created, authorization offered, org put"
	actions := func(raw []byte) string {
		var acts []struct{ Action string }
		if err := json.Unmarshal(raw, &acts); err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		var names []string
		for _, act := range acts {
			names = append(names, act.Action)
		}
		return strings.Join(names, ", ")
	}
	_, out, _ := b.run(t, "audit", "--org", b.org.String(), "-o", "json")
	if got := actions([]byte(out)); got != want {
		t.Errorf("starter audit: %s, want %s", got, want)
	}
	if _, out, _ := b.run(t, "audit", "--org", b.org.String(), "--since", "2999-01-01", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("since later: %s", out)
	}
	if code, out, _ := b.run(t, "audit", "--org", b.org.String()); code != 0 || !strings.Contains(out, "harvest/zoom/") {
		t.Errorf("as text: %s", out)
	}

	mux := b.serveRoutes(t)
	get := func(query string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, "/api/v1/orgs/"+b.org.String()+"/audit"+query, nil)
		request.Header.Set("Authorization", "Token "+strings.TrimSpace(token))
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		return answer
	}
	var page struct{ Results json.RawMessage }
	if err := json.Unmarshal(get("").Body.Bytes(), &page); err != nil || actions(page.Results) != want {
		t.Errorf("over HTTP: %s, %v", page.Results, err)
	}
	if answer := get("?since=yesterday"); answer.Code != http.StatusBadRequest {
		t.Errorf("a wrong time: status %d", answer.Code)
	}
	if err := json.Unmarshal(get("?since=2999-01-01T00:00:00Z").Body.Bytes(), &page); err != nil || actions(page.Results) != "" {
		t.Errorf("since later: %s, %v", page.Results, err)
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.host(t, nil)
	var started map[string]any
	if b.json(t, &started, "keys", "reseal"); started["workflow_id"] != "reseal" {
		t.Errorf("started %v", started)
	}
	var done struct{ Resealed int64 }
	if b.json(t, &done, "keys", "reseal", "--wait"); done.Resealed != 4 {
		t.Errorf("done %+v", done)
	}
}
