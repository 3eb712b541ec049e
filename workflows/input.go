package workflows

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
)

// Operators type inputs by hand: what is wrong with one is said at once, all of it.

func validRef(ref provider.AccountRef) error {
	_, err := provider.ParseName(string(ref.Provider))
	if ref.AccountID == "" {
		err = errors.Join(err, errors.New("account_id: missing"))
	}
	return err
}

func validOrg(org uuid.UUID) error {
	if org == uuid.Nil {
		return errors.New("org_id: missing")
	}
	return nil
}

// Validate reports everything that is wrong with the input.
func (in AuthorizeInput) Validate() error {
	if in.AuthorizationID == uuid.Nil {
		return errors.New("authorization_id: missing")
	}
	return nil
}

// Validate reports everything that is wrong with the input.
func (in LinkInput) Validate() error { return errors.Join(validRef(in.AccountRef), validOrg(in.OrgID)) }

// Validate reports everything that is wrong with the input.
func (in TrainInput) Validate() error { return validOrg(in.OrgID) }

// Validate reports everything that is wrong with the input.
func (in DeboardInput) Validate() error {
	return errors.Join(validRef(in.AccountRef), validOrg(in.OrgID))
}

// Validate reports everything that is wrong with the input.
func (in RevokeInput) Validate() error {
	err := validRef(in.AccountRef)
	if in.ReceiptID == uuid.Nil {
		err = errors.Join(err, errors.New("receipt_id: missing"))
	}
	return err
}

// Validate reports everything that is wrong with the input.
func (in SweepInput) Validate() error {
	if in.ReceiptID == uuid.Nil {
		return errors.New("receipt_id: missing")
	}
	return nil
}

// invalidInput fails a workflow whose input no retry mends.
func invalidInput(workflowType string, err error) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: invalid input: %v", workflowType, err), ErrInvalidInput, nil)
}
