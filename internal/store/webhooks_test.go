package store

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/provider"
)

const deauthorizedEvent = "app_deauthorized"

func webhookOf(ref provider.AccountRef, key, event string) Webhook {
	return Webhook{AccountRef: ref, Key: sha256.Sum256([]byte(key)), Event: event, MeetingID: "meeting", At: seedStart}
}

// seedLinked makes an account that orgs are linked to, authorized by the user "admin" at
// the time that everything happens.
func seedLinked(t *testing.T, s *Store, ref provider.AccountRef, orgs ...uuid.UUID) {
	t.Helper()
	for _, org := range orgs {
		seedOrg(t, s, org)
	}
	seedAccount(t, s, ref)
	exec(t, s, `delete from webhook_events where account_id = $1`, ref.AccountID)
	exec(t, s, `update credentials set authorized_user_id = 'admin', authorized_at = $2 where account_id = $1`, ref.AccountID, seedStart)
	for _, org := range orgs {
		seedLink(t, s, ref, org)
	}
}

func TestReceiveWebhook(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	linked, unlinked := zoomAccount("linked"), zoomAccount("unlinked")
	seedLinked(t, s, linked, uuid.New())

	for name, want := range map[string]bool{"first": true, "again": true} {
		ours, err := s.ReceiveWebhook(t.Context(), webhookOf(linked, "one", "meeting.ended"))
		if err != nil || ours != want {
			t.Errorf("%s: ReceiveWebhook = %v, %v, want %v", name, ours, err, want)
		}
	}
	if ours, err := s.ReceiveWebhook(t.Context(), webhookOf(unlinked, "two", "meeting.ended")); err != nil || ours {
		t.Errorf("unknown account: ReceiveWebhook = %v, %v, want not ours", ours, err)
	}
	if n := number(t, s, `select count(*) from webhook_events`); n != 2 {
		t.Errorf("%d events are stored, want 2", n)
	}
	if diff := cmp.Diff(map[string]int64{}, mentions(t, s, unlinked.AccountID)); diff != "" {
		t.Errorf("rows that speak of an account that is not linked (-want +got):\n%s", diff)
	}

	open, err := s.OpenWebhooks(t.Context(), 0, 10)
	if err != nil || len(open) != 1 || *open[0].AccountID != linked.AccountID {
		t.Fatalf("OpenWebhooks = %+v, %v, want the one of the linked account", open, err)
	}
	if rest, err := s.OpenWebhooks(t.Context(), open[0].EventID, 10); err != nil || len(rest) != 0 {
		t.Errorf("OpenWebhooks after the last = %+v, %v, want none", rest, err)
	}
	for range 2 {
		if err := s.SettleWebhooks(t.Context(), linked, "meeting.ended", open[0].EventID, WebhookHarvested); err != nil {
			t.Fatal(err)
		}
	}
	if n := number(t, s, `select count(*) from webhook_events where state = 'settled' and user_id is null and meeting_id is null`); n != 2 {
		t.Errorf("%d events are settled and say no more than they must, want 2", n)
	}
	if _, err := s.ReceiveWebhook(t.Context(), webhookOf(linked, "one", "meeting.ended")); err != nil {
		t.Fatal(err)
	}
	if open, err := s.OpenWebhooks(t.Context(), 0, 10); err != nil || len(open) != 0 {
		t.Errorf("a duplicate of what was settled is open again: %+v, %v", open, err)
	}
	if rows, err := s.PurgeWebhooks(t.Context(), time.Now().Add(-time.Hour)); err != nil || rows != 0 {
		t.Errorf("PurgeWebhooks took %d young rows, %v", rows, err)
	}
	if rows, err := s.PurgeWebhooks(t.Context(), time.Now().Add(time.Hour)); err != nil || rows != 2 {
		t.Errorf("PurgeWebhooks = %d, %v, want both", rows, err)
	}
}

func TestDeauthorize(t *testing.T) {
	t.Parallel()
	after, before := seedStart.Add(time.Minute), seedStart.Add(-time.Minute)
	tests := map[string]struct {
		user    string
		at      time.Time
		outcome string
	}{
		"by the one who authorized":        {"admin", after, WebhookUnlinked},
		"of the whole account":             {"", after, WebhookUnlinked},
		"at a time that Zoom does not say": {"admin", time.Time{}, WebhookUnlinked},
		"by somebody else":                 {"colleague", after, WebhookOtherUser},
		"before the current authorization": {"admin", before, WebhookOutdated},
		"at the moment of it":              {"admin", seedStart, WebhookOutdated},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			x, y := zoomAccount("account-x"), zoomAccount("account-y")
			first, second, third := uuid.New(), uuid.New(), uuid.New()
			seedLinked(t, s, x, first, second)
			seedLinked(t, s, y, third)
			event := webhookOf(x, "deauthorized", deauthorizedEvent)
			event.UserID, event.At = test.user, test.at
			if _, err := s.ReceiveWebhook(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			id := number(t, s, `select event_id from webhook_events where account_id = $1 and event = $2`, x.AccountID, deauthorizedEvent)

			unlinked := test.outcome == WebhookUnlinked
			wantOrgs, links, state := 0, int64(0), CredentialActive
			if unlinked {
				wantOrgs, links, state = 2, 2, CredentialDead
			}
			var got Deauthorized
			for range 2 { // whoever does it again finds the same
				var err error
				got, err = s.Deauthorize(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != test.outcome || len(got.Orgs) != wantOrgs {
					t.Fatalf("Deauthorize = %+v, want %s of %d orgs", got, test.outcome, wantOrgs)
				}
			}
			for query, want := range map[string]int64{
				`select count(*) from links where account_id = 'account-x' and status = 'unlinking'`:                                                     links,
				`select count(*) from receipts where account_id = 'account-x' and reason = 'provider' and finished_at is null`:                           links,
				`select count(*) from receipts where last_link`:                                                                                          links / 2,
				`select count(*) from credentials where account_id = 'account-x' and state = '` + state + `'`:                                            1,
				`select count(*) from links where account_id = 'account-y' and status = 'active'`:                                                        1,
				`select count(*) from credentials where account_id = 'account-y' and state = 'active'`:                                                   1,
				`select count(*) from receipts r where account_id = 'account-x' and not exists (select from links l where l.org_id = r.org_id)`:          0,
				`select count(*) from audit_log where action = 'link fenced' and actor = 'webhook' and object = 'zoom/account-x' and org_id is not null`: links,
			} {
				if got := number(t, s, query); got != want {
					t.Errorf("%s: %d, want %d", query, got, want)
				}
			}
			if !unlinked {
				return
			}
			// Nothing is revoked at the provider: it was its own word.
			for _, org := range got.Orgs { // the last of which waits for the others
				receipt := unlink(t, s, x, org, 1000)
				if want := map[bool]string{true: TokenAlreadyDead, false: TokenKept}[receipt.LastLink]; receipt.TokenOutcome != want {
					t.Errorf("receipt, last link %v: token %s, want %s", receipt.LastLink, receipt.TokenOutcome, want)
				}
			}
			if diff := cmp.Diff(map[string]int64{}, withoutProofs(mentions(t, s, x.AccountID))); diff != "" {
				t.Errorf("rows that speak of the account (-want +got):\n%s", diff)
			}
			if got, err := s.Deauthorize(t.Context(), id); err != nil || got.Outcome != WebhookUnknownAccount {
				t.Errorf("after the erasure: Deauthorize = %+v, %v", got, err)
			}
		})
	}
}
