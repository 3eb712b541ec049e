package console

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"callweave/internal/access"
	"callweave/internal/store"
)

// reasons are why a name may be revealed: given ones, because what is noted for good must
// name nobody.
func reasons() []string {
	return []string{"The person asked for help", "A ticket asks for it", "Several people are affected"}
}

// ticketForm is what a ticket's number may look like; a name does not fit into most of it.
var ticketForm = regexp.MustCompile(`^[A-Z]{0,10}[-#]?[0-9]{1,12}$`)

// revealPerson shows a name to somebody who sees pseudonyms, once it is noted why.
func (c *Console) revealPerson(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	id, ok := leg(r)
	err := store.ErrNotFound
	if ok {
		_, err = c.store.CallOfLeg(r.Context(), who.OrgID, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		c.message(w, r, &who, http.StatusNotFound, "No such call", "Your organization has no such call.")
		return nil
	}
	if err != nil {
		return err
	}
	reason, ticket := r.PostFormValue("reason"), strings.ToUpper(strings.TrimSpace(r.PostFormValue("ticket")))
	switch {
	case !slices.Contains(reasons(), reason):
		return c.showCall(w, r, who, http.StatusBadRequest, "Choose a reason: it is noted with your token.")
	case ticket != "" && !ticketForm.MatchString(ticket):
		return c.showCall(w, r, who, http.StatusBadRequest, "A ticket number looks like INC-12345. Leave it empty where there is none.")
	}
	detail := map[string]any{"reason": reason}
	if ticket != "" {
		detail["ticket"] = ticket
	}
	// Noted before anything is shown.
	err = c.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: store.ActionRevealed, Object: callObject(id), Detail: detail,
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/console/calls/"+strconv.FormatInt(id, 10), http.StatusSeeOther)
	return nil
}
