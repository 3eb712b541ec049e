package zoomwindow

import (
	"net/http"
	"strings"

	"callweave/internal/world"
)

type userReply struct {
	ID            string `json:"id"`
	FirstName     string `json:"first_name"`
	LastName      string `json:"last_name"`
	DisplayName   string `json:"display_name"`
	Email         string `json:"email"`
	Type          int    `json:"type"` // 2: licensed
	RoleName      string `json:"role_name"`
	RoleID        string `json:"role_id"`
	PMI           int64  `json:"pmi"`
	UsePMI        bool   `json:"use_pmi"`
	Timezone      string `json:"timezone,omitempty"`
	Verified      int    `json:"verified"`
	CreatedAt     string `json:"created_at"`
	Language      string `json:"language"`
	Status        string `json:"status"`
	AccountID     string `json:"account_id"`
	AccountNumber int64  `json:"account_number"`
	Company       string `json:"company"`
	Cluster       string `json:"cluster"`
}

// serveUser is GET /users/{userId}: by id, by e-mail, or "me", who authorized.
func (w *Window) serveUser(c *call) reply {
	if c.personID == "me" {
		return jsonReply(http.StatusOK, userOf(c.account, c.user))
	}
	for _, people := range [][]*world.Person{c.account.Admins, c.account.People} {
		for _, p := range people {
			if p.ZoomUserID != c.personID && !strings.EqualFold(p.Email, c.personID) {
				continue
			}
			if w.settings.userRemoved(p.ZoomUserID) {
				break
			}
			return jsonReply(http.StatusOK, userOf(c.account, p))
		}
	}
	return userDoesNotExist(c.personID)
}

func userOf(a *world.Account, p *world.Person) userReply {
	out := userReply{
		ID: p.ZoomUserID, FirstName: p.FirstName, LastName: p.LastName, DisplayName: p.DisplayName(), Email: p.Email,
		Type: 2, RoleName: "Member", RoleID: "2", PMI: int64(1_000_000_000 + hash(p.ZoomUserID)%8_999_999_999),
		Verified: 1, CreatedAt: "2021-03-01T09:00:00Z", Language: "en-US", Status: "active",
		AccountID: a.ID, AccountNumber: a.Number, Company: a.Company, Cluster: "us06",
	}
	if p.Site != nil {
		out.Timezone = p.Site.Timezone
	}
	for i, admin := range a.Admins {
		if admin == p {
			out.RoleName, out.RoleID = "Admin", "1"
			if i == 0 {
				out.RoleName, out.RoleID = "Owner", "0"
			}
		}
	}
	return out
}
