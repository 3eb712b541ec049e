package authorize

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// The codes with which a callback itself ends. The Authorize workflow has more.
const (
	CodeMissingState = "missing_state" // installed from the provider's marketplace: nobody here asked for it
	CodeInvalidState = "invalid_state" // forged, or of something else
	CodeExpired      = "expired"
	CodeAlreadyUsed  = "already_used"
	CodeAccessDenied = "access_denied" // RFC 6749 section 4.1.2.1
	CodeRefused      = "refused"       // any other error of the provider
	CodeFailed       = "failed"        // ours: link again
	// CodePending is no ending of the authorization, but of the browser's wait: the provider
	// does not say yet whose account it is, and the link comes up when it does.
	CodePending = "pending"
)

// Callback is what the provider's redirect carries.
type Callback struct {
	Provider provider.Name
	OrgID    uuid.UUID // where the path names one; Nil else
	State    string
	Code     secret.Text
	Error    string // the provider's reason to send no code
}

// Ending is what the browser is told.
type Ending struct {
	Forward   string // where it goes; "" where it must see a page instead
	Code      string // why there is no link; "" when there is one
	AccountID string // of the link
	Pending   bool   // neither yet: ask again with [Service.Resume]
	OrgID     uuid.UUID
}

// Finish answers an authorization. The first answer counts: the same one sent twice at once
// (a double click) waits for the same ending, every other gets [CodeAlreadyUsed]; neither
// changes anything. An error is a failure of ours; whoever caused it may try the same
// callback again.
func (s *Service) Finish(ctx context.Context, c Callback) (Ending, error) {
	row, code, err := s.find(ctx, c)
	if err != nil || code != "" {
		return s.page(row, code), err
	}
	if row.State != store.AuthorizationOffered {
		return s.again(ctx, row, c)
	}
	now := s.now()
	if !row.ExpiresAt.After(now) {
		return s.ending(row, CodeExpired, ""), nil
	}
	if c.Code.IsZero() {
		reason := CodeRefused
		if c.Error == CodeAccessDenied {
			reason = CodeAccessDenied
		}
		denied, err := s.store.DenyAuthorization(ctx, row.AuthorizationID, reason, now)
		if err == nil && !denied {
			reason = CodeAlreadyUsed
		}
		return s.ending(row, reason, ""), err
	}
	codeSealed, err := s.master.SealText(vault.PurposeCode, c.Code)
	if err != nil {
		return Ending{}, err
	}
	first, err := s.store.ReturnAuthorization(ctx, row.AuthorizationID, codeSealed, now)
	if err != nil {
		return Ending{}, err
	}
	if !first {
		row, err := s.store.OfferedAuthorization(ctx, row.AuthorizationID, row.OrgID, row.Provider)
		if err != nil {
			return Ending{}, err
		}
		return s.again(ctx, row, c)
	}
	return s.wait(ctx, row), nil
}

// doubleClick is how long after its answer an authorization that has ended tells its ending
// once more to whoever answers it again: a browser that sends the same callback twice shows
// the second reply only. It is no more than [Service.Resume] tells.
const doubleClick = 10 * time.Second

// again ends a callback that is not the first: where it is the same one while the first is
// being worked on, or a double click, as the first one does.
func (s *Service) again(ctx context.Context, row db.Authorization, c Callback) (Ending, error) {
	late := row.ReturnedAt == nil || s.now().Sub(*row.ReturnedAt) > doubleClick
	if c.Code.IsZero() || (late && row.State != store.AuthorizationReturned) {
		return s.ending(row, CodeAlreadyUsed, ""), nil
	}
	// A code that was exchanged is erased: nothing is left to compare with.
	if row.CodeSealed != nil {
		code, err := s.master.OpenText(vault.PurposeCode, row.CodeSealed)
		if err != nil {
			return Ending{}, err
		}
		if subtle.ConstantTimeCompare([]byte(code.Reveal()), []byte(c.Code.Reveal())) != 1 {
			return s.ending(row, CodeAlreadyUsed, ""), nil
		}
	}
	return s.outcome(ctx, row), nil
}

// outcome says how an authorization that was answered ended, and waits where it did not yet.
func (s *Service) outcome(ctx context.Context, row db.Authorization) Ending {
	switch row.State {
	case store.AuthorizationLinked:
		return s.ending(row, "", deref(row.AccountID))
	case store.AuthorizationRefused:
		return s.ending(row, deref(row.ErrorCode), "")
	}
	return s.wait(ctx, row)
}

// Resume says how an answered authorization ended, and waits again where it did not yet.
// It also starts the workflow where Temporal could not be reached before.
func (s *Service) Resume(ctx context.Context, name provider.Name, stateText string) (Ending, error) {
	row, code, err := s.find(ctx, Callback{Provider: name, State: stateText})
	if err != nil || code != "" {
		return s.page(row, code), err
	}
	if row.State == store.AuthorizationOffered {
		return s.page(row, CodeInvalidState), nil
	}
	return s.outcome(ctx, row), nil
}

// find returns the authorization that the callback's state names, or why there is none.
func (s *Service) find(ctx context.Context, c Callback) (row db.Authorization, code string, err error) {
	if c.State == "" {
		return row, CodeMissingState, nil
	}
	st, err := s.openState(c.State)
	if err != nil || st.Provider != c.Provider || (c.OrgID != uuid.Nil && c.OrgID != st.OrgID) {
		return row, CodeInvalidState, nil //nolint:nilerr // a bad state is an ending, not a failure of ours
	}
	row, err = s.store.OfferedAuthorization(ctx, st.AuthorizationID, st.OrgID, string(st.Provider))
	if errors.Is(err, store.ErrNotFound) {
		if st.ExpiresAt.Before(s.now()) {
			return row, CodeExpired, nil
		}
		return row, CodeInvalidState, nil
	}
	return row, "", err
}

func (s *Service) wait(ctx context.Context, row db.Authorization) Ending {
	waiting, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	result, err := s.runner.Authorize(waiting, row.AuthorizationID)
	if err == nil {
		return s.ending(row, result.ErrorCode, result.AccountID)
	}
	// What keeps it, where it is known by now.
	if now, err := s.store.OfferedAuthorization(ctx, row.AuthorizationID, row.OrgID, row.Provider); err == nil {
		row = now
	}
	switch {
	case row.State == store.AuthorizationLinked, row.State == store.AuthorizationRefused:
		return s.outcome(ctx, row)
	case row.ErrorCode != nil:
		return s.ending(row, CodePending, "")
	}
	if waiting.Err() == nil {
		s.logger.WarnContext(ctx, "authorization has no result yet", "authorization_id", row.AuthorizationID, "org_id", row.OrgID, "error", err)
	}
	if row.ReturnedAt != nil && s.now().Sub(*row.ReturnedAt) > Lifetime {
		return s.ending(row, CodeFailed, "")
	}
	return Ending{Pending: true, OrgID: row.OrgID}
}

// ending sends the browser back with ?<provider>=linked&account_id=…,
// ?<provider>=pending&error=… or ?<provider>=failed&error=…, or shows a page where its host is no longer allowed.
func (s *Service) ending(row db.Authorization, code, accountID string) Ending {
	end := Ending{Code: code, AccountID: accountID, OrgID: row.OrgID}
	forward, err := s.forwards.Check(row.ForwardUrl)
	if err != nil {
		return end
	}
	target, err := url.Parse(forward)
	if err != nil {
		return end
	}
	query := target.Query()
	switch code {
	case "":
		query.Set(row.Provider, "linked")
		query.Set("account_id", accountID)
	case CodePending:
		query.Set(row.Provider, CodePending)
		query.Set("error", deref(row.ErrorCode))
	default:
		query.Set(row.Provider, "failed")
		query.Set("error", code)
	}
	target.RawQuery = query.Encode()
	end.Forward = target.String()
	return end
}

func (s *Service) page(row db.Authorization, code string) Ending {
	return Ending{Code: code, OrgID: row.OrgID}
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
